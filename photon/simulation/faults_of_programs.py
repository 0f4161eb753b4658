"""Programs die and are started again, freeze, and have wrong clocks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Final

from photon.coordination.terms import LEASE_SECONDS
from photon.simulation.controller import SimulatedController
from photon.simulation.crossing import Died
from photon.simulation.faults import ARMED_SECONDS, Fault, Machine, Target, at_once, on

COMMITS_MAX: Final = 12  # A VM's creation has three; so a crash falls into any part of a task.
MESSAGES_MAX: Final = 40  # As many as a task's calls to agents, and reports beside them.
CLOCK_STEP_SECONDS: Final = 300.0  # As when a machine's clock was never set, and then is.


async def _up(machine: Machine) -> None:
    """A new life, unless somebody else gave it one. Whether it comes to serve is not awaited."""
    if machine.alive:
        return
    if isinstance(machine, SimulatedController):
        machine.begin_again()
        return
    try:
        await machine.restart()
    except Died:
        return


def _down(fault: Fault, machine: Machine | None, *, most: float) -> Target | None:
    if machine is None:
        return None
    seconds, silently = fault.seconds(0.2, most), fault.random.random() < 0.3

    async def act() -> None:
        machine.crash(silently=silently)
        await fault.wait(seconds)
        await _up(machine)

    return Target(on(machine.name), act, {"seconds": seconds})


def crash_controller(fault: Fault) -> Target | None:
    return _down(fault, fault.controller(), most=20.0)


def crash_agent(fault: Fault) -> Target | None:
    return _down(fault, fault.agent(), most=30.0)


def crash_host(fault: Fault) -> Target | None:
    agent = fault.agent()
    if agent is None:
        return None
    seconds = fault.seconds(3.0, 100.0)

    async def act() -> None:
        agent.crash(silently=True)
        await fault.wait(seconds)
        await _up(agent)
        for driver in agent.drivers.values():
            for guest in await driver.guests():
                agent.process.call_soon(driver.die, guest.vm_id)

    return Target(on(agent.name), act, {"seconds": seconds})


def crash_at_commit(fault: Fault) -> Target | None:
    controller = fault.controller()
    if controller is None:
        return None
    number, lost = fault.random.randint(1, COMMITS_MAX), fault.random.random() < 0.5
    seconds = fault.seconds(0.2, 15.0)
    server = fault.world.store_server

    async def act() -> None:
        struck, left = asyncio.Event(), number

        def seen(name: str, *, applied: bool) -> bool:
            nonlocal left
            if name != controller.name or applied is lost or struck.is_set():
                return False
            left -= 1
            if left:
                return False
            struck.set()
            _outside(controller.crash)
            return lost

        server.watchers.append(seen)
        try:
            if not await _struck(fault, struck):
                return
        finally:
            server.watchers.remove(seen)
        await fault.wait(seconds)
        await _up(controller)

    return Target(on(controller.name), act, {"commit": number, "lost": lost})


def crash_at_message(fault: Fault) -> Target | None:
    machine = fault.machine()
    if machine is None:
        return None
    number, sends = fault.random.randint(1, MESSAGES_MAX), fault.random.random() < 0.5
    seconds = fault.seconds(0.2, 15.0)
    weather = fault.world.network.weather

    async def act() -> None:
        struck, left = asyncio.Event(), number

        def seen(source: str, target: str) -> None:
            nonlocal left
            if machine.name != (source if sends else target) or struck.is_set():
                return
            left -= 1
            if not left:
                struck.set()
                _outside(machine.crash)

        weather.watchers.append(seen)
        try:
            if not await _struck(fault, struck):
                return
        finally:
            weather.watchers.remove(seen)
        await fault.wait(seconds)
        await _up(machine)

    return Target(on(machine.name), act, {"message": number, "sends": sends})


async def _struck(fault: Fault, struck: asyncio.Event) -> bool:
    """Whether it came to it before it was given up."""
    waiting = asyncio.ensure_future(struck.wait())
    giving_up = asyncio.ensure_future(_given_up(fault))
    await asyncio.wait((waiting, giving_up), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    giving_up.cancel()
    return struck.is_set()


async def _given_up(fault: Fault) -> None:
    await fault.wait(ARMED_SECONDS)


def _outside(act: Callable[[], None]) -> None:
    """In the next turn, in nobody's name: a program is not killed by its own hand."""
    asyncio.get_running_loop().call_soon(act, context=Context())


def _frozen(fault: Fault, machine: Machine | None) -> Target | None:
    if machine is None:
        return None
    short = fault.random.random() < 0.5
    seconds = fault.seconds(0.3, 0.7 * LEASE_SECONDS)
    if not short:
        seconds = fault.seconds(LEASE_SECONDS, 3.0 * LEASE_SECONDS)

    async def act() -> None:
        machine.freeze()
        await fault.wait(seconds)
        machine.thaw()

    return Target(on(machine.name), act, {"seconds": seconds})


def freeze_controller(fault: Fault) -> Target | None:
    return _frozen(fault, fault.controller())


def freeze_agent(fault: Fault) -> Target | None:
    return _frozen(fault, fault.agent())


def expire_session(fault: Fault) -> Target | None:
    controller = fault.controller()
    if controller is None:
        return None
    if fault.world.ensemble is not None:
        return Target(on(controller.name), at_once(controller.expire_session))
    server, name = fault.world.store_server, controller.name
    seconds = fault.seconds(1.5 * LEASE_SECONDS, 2.5 * LEASE_SECONDS)

    async def act() -> None:
        """All else that it writes comes through, so that it works on until it knows."""
        server.refuse_renewals(name)
        await fault.wait(seconds)
        server.allow_renewals(name)

    return Target(on(name), act, {"seconds": seconds})


def step_clock(fault: Fault) -> Target | None:
    machine = fault.machine()
    if machine is None:
        return None
    step = fault.seconds(-CLOCK_STEP_SECONDS, CLOCK_STEP_SECONDS)
    return Target(on(machine.name), at_once(lambda: machine.clock.step(step)), {"step": step})
