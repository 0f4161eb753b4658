"""Hosts are full, refuse, or lose a guest."""

from __future__ import annotations

from photon.domain.guest import GuestState
from photon.simulation.faults import ARMED_SECONDS, Fault, Target


def _spoilt(fault: Fault, name: str, *, most: float) -> Target | None:
    """A switch of the host's driver is on for a while."""
    found = fault.host()
    if found is None:
        return None
    _, driver = found
    faults, seconds = driver.faults, fault.seconds(1.0, most)

    async def act() -> None:
        setattr(faults, name, True)
        await fault.wait(seconds)
        setattr(faults, name, False)

    return Target({}, act, {"host": driver.address, "seconds": seconds})


def fill_datastore(fault: Fault) -> Target | None:
    return _spoilt(fault, "datastore_full", most=30.0)


def refuse_power(fault: Fault) -> Target | None:
    return _spoilt(fault, "power_refused", most=20.0)


def refuse_attach(fault: Fault) -> Target | None:
    return _spoilt(fault, "attach_refused", most=20.0)


def break_attach(fault: Fault) -> Target | None:
    return _spoilt(fault, "attach_breaks", most=20.0)


def _failing(fault: Fault, name: str) -> Target | None:
    """The next few of its calls fail; what is left over is forgiven after a while."""
    found = fault.host()
    if found is None:
        return None
    _, driver = found
    faults, times = driver.faults, fault.random.randint(1, 3)

    async def act() -> None:
        setattr(faults, name, times)
        await fault.wait(ARMED_SECONDS)
        setattr(faults, name, 0)

    return Target({}, act, {"host": driver.address, "times": times})


def fail_creates(fault: Fault) -> Target | None:
    return _failing(fault, "creates_to_fail")


def fail_fetches(fault: Fault) -> Target | None:
    return _failing(fault, "fetches_to_fail")


def kill_guest(fault: Fault) -> Target | None:
    found = fault.host()
    if found is None:
        return None
    agent, driver = found

    async def act() -> None:
        running = [g.vm_id for g in await driver.guests() if g.state is GuestState.STARTED]
        if running:
            vm_id = fault.random.choice(running)
            fault.world.trace.say("guest-dies", host=driver.address, vm=vm_id)
            agent.process.call_soon(driver.die, vm_id)

    return Target({}, act, {"host": driver.address})
