"""A plan's time: VMs come and go, and events happen."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Final

from photon.plan.incidents import Incidents
from photon.plan.progress import Progress
from photon.plan.result import Timeline
from photon.plan.roster import Roster
from photon.plan.stage import Stage
from photon.plan.watching import Sampler
from photon.plan.workload import ArrivingSet

SAMPLES: Final = 400  # As many as a plot has room for.
PROGRESS_STEPS: Final = 100
# What was asked for in the last moments is waited for so long; a create takes some seconds.
LAST_SECONDS: Final = 120.0


async def played_out(stage: Stage, roster: Roster, progress: Progress) -> Timeline | None:
    """None where nothing takes any time."""
    plan = stage.workload
    if not plan.duration_seconds:
        return None
    began, seconds = stage.now, plan.duration_seconds
    names = [each.name for each in plan.arriving]

    def refused() -> int:
        return sum(roster.tallies[name].refused for name in names if name in roster.tallies)

    progress.stage("time", PROGRESS_STEPS)
    sampler = Sampler(stage, refused, seconds=seconds / SAMPLES)
    incidents = Incidents(stage, roster)
    happening = asyncio.create_task(incidents.play(plan.events, began))
    arrivals = [_Arrivals(stage, roster, each, began) for each in plan.arriving]
    coming = [asyncio.create_task(each.run()) for each in arrivals]
    for _ in range(PROGRESS_STEPS):
        await asyncio.sleep(seconds / PROGRESS_STEPS)
        progress.step()
    await asyncio.gather(happening, *coming)
    samples = await sampler.close()
    for each in arrivals:
        await each.close()
    return Timeline(
        seconds=seconds,
        samples=tuple(samples),
        events=await incidents.outcomes(),
        arriving=await roster.outcomes(names),
    )


class _Arrivals:
    """One set's VMs: each comes after a time that is drawn, and has a lifetime that is drawn."""

    def __init__(self, stage: Stage, roster: Roster, plan: ArrivingSet, began: float) -> None:
        self._stage = stage
        self._roster = roster
        self._plan = plan
        self._began = began
        self._random: Random = stage.world.chance.stream(f"plan/{plan.name}")
        self._making: set[asyncio.Task[None]] = set()
        self._living: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Returns when no more come."""
        plan, random = self._plan, self._random
        at = self._began + plan.from_seconds + random.expovariate(plan.per_second)
        while at < self._began + plan.until_seconds:
            await asyncio.sleep(max(0.0, at - self._stage.now))
            lifetime = plan.lifetime_seconds and random.expovariate(1.0 / plan.lifetime_seconds)
            making = asyncio.create_task(self._one(lifetime))
            self._making.add(making)
            making.add_done_callback(self._making.discard)
            at += random.expovariate(plan.per_second)

    async def close(self) -> None:
        """What is being made is waited for; who lives, lives on."""
        for task in self._living:  # any order: their ends do nothing more
            task.cancel()
        if self._making:
            await asyncio.wait(self._making, timeout=LAST_SECONDS)

    async def _one(self, lifetime_seconds: float | None) -> None:
        life = await self._roster.make(self._plan.name, self._plan.wants)
        if life is None or lifetime_seconds is None:
            return

        async def live() -> None:
            await asyncio.sleep(lifetime_seconds)
            await self._roster.end(life)

        living = asyncio.create_task(live())
        self._living.add(living)
        living.add_done_callback(self._living.discard)
