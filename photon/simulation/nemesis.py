"""What goes wrong, and when: a schedule of faults, drawn from the seed.

Each fault ends by itself within bounded time, and `end` ends all that are left: then everything is
up, reachable and well again, and what the cloud makes of that is its own affair. Each kind is drawn
from a stream of its own, so that a run without some kinds has the others as they were.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Final

from photon.simulation.clock import DriftingClock
from photon.simulation.conditions import Link
from photon.simulation.fault_table import FAULTS
from photon.simulation.faults import Fault, Machine, Target
from photon.simulation.line import LineConditions
from photon.simulation.profiles import FaultKind, Profile
from photon.simulation.store import StoreConditions
from photon.simulation.world import World

WELL: Final = Link()  # What all links are like when everything is over.
# A controller waits for the store's server for 20 s, for its agents for 5, for its leaves a lease.
SERVING_SECONDS_MAX: Final = 120.0
SERVING_LOOK_SECONDS: Final = 0.5  # Of the simulated time: it costs a turn.


class NotServing(Exception):
    """Nothing is wrong any more, and yet these controllers do not come to serve."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"{', '.join(names)} did not come back")
        self.names = names


class Nemesis:
    """`prepare` before the world starts, `begin` when faults may come, `end` when no more may."""

    def __init__(self, world: World, profile: Profile) -> None:
        self._world = world
        self.profile = profile.drawn(world.chance.stream("nemesis"))
        self._running: list[asyncio.Task[None]] = []
        self._acting: dict[asyncio.Task[None], None] = {}
        self._ending = asyncio.Event()
        self._busy: set[str] = set()
        self.faults = 0
        self.kinds: set[str] = set()  # that came

    def prepare(self) -> None:
        """Sets the machines' clocks, and how lines are from the start."""
        world, profile = self._world, self.profile
        random = world.chance.stream("nemesis/clocks")
        machines: list[Machine] = [*world.controllers, *world.agents.values()]
        for machine in machines:
            rate = 1.0 + random.uniform(-profile.clock_rate, profile.clock_rate)
            offset = random.uniform(-1.0, 1.0) * profile.clock_offset_seconds
            machine.clock = DriftingClock(world.loop, offset_seconds=offset, rate=rate)
        self._set(profile.link, profile.store_line, profile.store, profile.ensemble_line)

    def begin(self) -> None:
        for kind, mean_seconds in self.profile.faults.items():
            random = self._world.chance.stream(f"nemesis/{kind}")
            work = self._of_kind(kind, mean_seconds, random)
            self._running.append(asyncio.create_task(work, name=f"nemesis-{kind}"))

    async def end(self) -> None:
        """Returns when everything that was broken is whole, and every program runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        self._ending.set()
        await asyncio.gather(*self._acting)
        self._set(WELL, LineConditions(0.0002, 0.002), StoreConditions(), LineConditions())
        self._world.network.conditions.heal()
        for agent in self._world.agents.values():
            agent.thaw()
            if not agent.alive:
                await agent.restart()
        for controller in self._world.controllers:
            controller.thaw()
            controller.begin_again()
        await self._served()
        self._world.trace.say("healed", faults=self.faults)

    async def _served(self) -> None:
        until = self._world.loop.time() + SERVING_SECONDS_MAX
        while not all(controller.serving for controller in self._world.controllers):
            if self._world.loop.time() > until:
                raise NotServing([c.name for c in self._world.controllers if not c.serving])
            await asyncio.sleep(SERVING_LOOK_SECONDS)

    async def _of_kind(self, kind: FaultKind, mean_seconds: float, random: Random) -> None:
        act = FAULTS[kind]
        while True:
            await asyncio.sleep(random.expovariate(1.0 / mean_seconds))
            # Its own draws are of its own: what it finds in the world changes nothing later.
            own = Random(random.getrandbits(64))
            fault = Fault(self._world, own, self._busy, self._wait)
            target = act(fault)
            if target is None:
                continue
            self.faults += 1
            self.kinds.add(str(kind))
            acting = asyncio.create_task(self._act(kind, fault, target), name=f"fault-{kind}")
            self._acting[acting] = None
            acting.add_done_callback(lambda task: self._acting.pop(task, None))

    async def _act(self, kind: FaultKind, fault: Fault, target: Target) -> None:
        self._busy |= target.names.keys()
        names = ",".join(target.names)
        self._world.trace.say("fault", what=kind, on=names, **target.told)
        try:
            await target.act()
        finally:
            for name in target.names:
                self._busy.discard(name)
        self._world.trace.say("fault-over", what=kind, on=names)

    async def _wait(self, seconds: float) -> bool:
        """False: the end came before."""
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return True
        return False

    def _set(
        self,
        link: Link,
        store_line: LineConditions,
        store: StoreConditions,
        ensemble: LineConditions,
    ) -> None:
        world = self._world
        world.network.conditions.everywhere = link
        # Copies: faults write into them.
        world.store_server.service.conditions = replace(store_line)
        world.store_server.conditions = replace(store)
        if world.ensemble is not None:
            world.ensemble.service.conditions = replace(ensemble)
