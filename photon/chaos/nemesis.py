"""Injects what the schedule says, one fault after another, and heals all of them at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from photon.chaos.cloud import Cloud
from photon.chaos.cuts import Cuts
from photon.chaos.faults import Fault, fault
from photon.chaos.part import Part, PartFailed
from photon.chaos.recovery import Injected
from photon.chaos.schedule import Planned, Role, Target
from photon.outside.clock import Clock

# A cloud that is not well again so long after a fault was healed will not be by itself.
WELL_SECONDS_MAX: Final = 90.0
PAIR_SHARE: Final = 0.5  # The second one comes when this much of the first one's time is over.
KEEPER_SECONDS: Final = 0.5  # How often somebody looks whether a part has ended by itself.

Say = Callable[[str], None]
Well = Callable[[], Awaitable[None]]


class NotWell(Exception):
    """The cloud did not recover from a fault, though all are healed. What does not work."""


@dataclass(slots=True)
class _Begun:
    planned: Planned
    part: Part
    fault: Fault
    at: float
    healed: float = 0.0


@dataclass(frozen=True, slots=True)
class Ended:
    """A part that ended by itself, and was started again."""

    part: str
    at: float
    words: str
    excused: bool  # it may have been declared dead


@dataclass
class Nemesis:
    """`well` returns when every class of operations works; `say` is told the story."""

    cloud: Cloud
    cuts: Cuts | None
    clock: Clock
    started: float  # on the clock: the moment 0 of all times here
    say: Say
    well: Well
    well_seconds_max: float = WELL_SECONDS_MAX
    injected: list[Injected] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)
    _under_way: dict[str, _Begun] = field(default_factory=dict)  # by the part's name
    _excused_until: float = 0.0

    async def run(self, schedule: Iterator[Planned], seconds: float) -> None:
        """Breaks until then, by the times here; when it returns all is healed and well. A fault
        that would last longer is not begun.

        Raises:
            NotWell, PartFailed, CutFailed.
        """
        keeper = asyncio.create_task(self._keep())
        try:
            planned = next(schedule)
            while self._now() + planned.rest_seconds + planned.seconds < seconds:
                following = next(schedule)
                pair = [following] if following.paired else []
                await self._together([planned, *pair])
                planned = next(schedule) if pair else following
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await self.heal_all()

    async def heal_all(self) -> None:
        """Also what was begun and not finished."""
        for begun in tuple(self._under_way.values()):
            await asyncio.to_thread(begun.fault.heal)
            self._under_way.pop(begun.part.name, None)
        for part in self.cloud.parts:
            await asyncio.to_thread(part.start)

    def _now(self) -> float:
        return self.clock.monotonic() - self.started

    async def _together(self, planned: Sequence[Planned]) -> None:
        await self.clock.sleep(planned[0].rest_seconds)
        begun: list[_Begun] = []
        async with asyncio.TaskGroup() as group:
            for number, each in enumerate(planned):
                after_seconds = planned[0].seconds * PAIR_SHARE * number
                group.create_task(self._one(each, after_seconds, begun))
        if not begun:
            return
        healed = self._now()
        await self._well_after(begun)
        well = self._now()
        self.say(f"well again {well - healed:.1f} s after it was healed")
        alone = len(begun) == 1
        self.injected += [
            Injected(one.planned.name, one.part.name, one.at, one.healed, well, alone)
            for one in begun
        ]

    async def _well_after(self, begun: Sequence[_Begun]) -> None:
        try:
            async with asyncio.timeout(self.well_seconds_max):
                await self.well()
        except TimeoutError as error:
            names = " and ".join(f"{one.planned.name} ({one.part.name})" for one in begun)
            raise NotWell(f"{self.well_seconds_max:g} s after the end of: {names}") from error

    async def _one(self, planned: Planned, after_seconds: float, begun: list[_Begun]) -> None:
        await self.clock.sleep(after_seconds)
        part = await self._chosen(planned)
        if part is None:
            self.say(f"{planned.name}: there is none now; left out")
            return
        one = _Begun(planned, part, fault(planned.action, part, self.cuts), self._now())
        begun.append(one)
        self._under_way[part.name] = one
        self.say(f"{planned.action} {part.name} ({planned.target}) for {planned.seconds:g} s")
        await asyncio.to_thread(one.fault.inject)
        await self.clock.sleep(planned.seconds)
        try:
            await asyncio.to_thread(one.fault.heal)
        except PartFailed as failure:
            # What it needs is broken too, by the other fault: the keeper tries again.
            self.say(f"{part.name} does not start yet: {failure}")
        one.healed = self._now()
        self._under_way.pop(part.name, None)
        # One that was declared dead meanwhile hears of it now.
        self._excused_until = one.healed + 2 * self.cloud.lease_seconds

    async def _chosen(self, planned: Planned) -> Part | None:
        leaders = await asyncio.to_thread(self.cloud.leaders)
        candidates = [
            part
            for part in self.cloud.parts
            if part.name not in self._under_way and _plays(part, planned.target, leaders)
        ]
        return candidates[int(planned.pick * len(candidates))] if candidates else None

    async def _keep(self) -> None:
        """As a service manager does: what ended by itself is started again."""
        while True:
            await self.clock.sleep(KEEPER_SECONDS)
            for part in await asyncio.to_thread(self._dead):
                if part.name in self._under_way:
                    continue  # It is dead because it was killed.
                excused = bool(self._under_way) or self._now() < self._excused_until
                self.ended.append(Ended(part.name, self._now(), part.words(), excused))
                self.say(f"{part.name} ended by itself; it is started again")
                try:
                    await asyncio.to_thread(part.start)
                except PartFailed as failure:
                    # What it needs may be what is broken now: tried again until all is well.
                    self.say(f"{part.name} does not start yet: {failure}")

    def _dead(self) -> list[Part]:
        return [part for part in self.cloud.parts if not part.runs()]


def _plays(part: Part, target: Target, leaders: frozenset[str]) -> bool:
    if part.kind is not target.kind:
        return False
    match target.role:
        case Role.ANY:
            return True
        case Role.LEADER:
            return part.name in leaders
        case Role.OTHER:
            return part.name not in leaders
