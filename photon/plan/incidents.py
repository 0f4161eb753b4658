"""What happens to hosts in a plan's time, and what is seen of it: events, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from photon.plan.bounded import bounded
from photon.plan.client import Refused
from photon.plan.drill import BACK_SECONDS_MAX, KNOWN_SECONDS_MAX
from photon.plan.looking import debts, look, missing
from photon.plan.progress import Silent
from photon.plan.result import EventOutcome
from photon.plan.roster import Life, Replaced, Roster
from photon.plan.stage import Stage
from photon.plan.watching import until
from photon.plan.workload import Happening, PlannedEvent

# What was under way when a host was suspended is over by then; a create takes some seconds.
LOOK_AGAIN_SECONDS: Final = 15.0
LOOKS_MAX: Final = 4  # Each finds fewer; what is there after so many was put there on purpose.
AT_ONCE_MAX: Final = 32  # Hosts that an operator's script sends into maintenance at a time.


@dataclass(slots=True)
class Seen:
    """Of one event, while it goes on. `known_after` and `over_after` are since it happened."""

    vms: int = 0
    known_after: float | None = None
    over_after: float | None = None
    replaced: Replaced = field(default_factory=Replaced)
    note: str = ""


class Incidents:
    """Plays events. What an event takes longer than until the next one goes on beside it."""

    def __init__(self, stage: Stage, roster: Roster) -> None:
        self._stage = stage
        self._roster = roster
        self._dead: set[str] = set()  # addresses that are without power, rather than cut off
        self._resting: set[str] = set()  # in maintenance, or on their way to it
        self._seen: list[tuple[PlannedEvent, Seen]] = []
        self._followed: list[asyncio.Task[None]] = []

    async def play(self, events: tuple[PlannedEvent, ...], began: float) -> None:
        """Returns when the last event has happened. `began`: when the plan's time did."""
        for event in events:
            await asyncio.sleep(max(0.0, began + event.at_seconds - self._stage.now))
            seen = Seen()
            self._seen.append((event, seen))
            addresses = self._stage.hosts.addresses(event.kind, event.name)
            lives = self._roster.on(await look(self._stage), addresses)
            seen.vms = len(lives)
            follow = self._follow(event, addresses, lives, seen)
            self._followed.append(asyncio.create_task(follow))

    async def outcomes(self) -> tuple[EventOutcome, ...]:
        """What was seen so far; what still goes on is given up. Raises what an event ended with."""
        for task in self._followed:
            task.cancel()
        for task in self._followed:
            with suppress(asyncio.CancelledError):  # it went on for too long
                await task
        return tuple(self._outcome(event, seen) for event, seen in self._seen)

    async def _follow(
        self, event: PlannedEvent, addresses: tuple[str, ...], lives: list[Life], seen: Seen
    ) -> None:
        began = self._stage.now
        match event.happening:
            case Happening.DIES | Happening.IS_CUT_OFF:
                await self._fail(event, addresses, lives, seen)
            case Happening.RETURNS:
                await self._return(addresses, seen)
            case Happening.ENTERS_MAINTENANCE:
                await self._enter(event, addresses, lives, seen)
            case Happening.LEAVES_MAINTENANCE:
                await self._leave(addresses, seen)
        seen.over_after = round(self._stage.now - began, 3)

    async def _fail(
        self, event: PlannedEvent, addresses: tuple[str, ...], lives: list[Life], seen: Seen
    ) -> None:
        stage, there = self._stage, frozenset(addresses)
        if event.happening is Happening.DIES:
            await stage.power_off(addresses)
            self._dead.update(addresses)
        else:
            stage.cut_off(addresses)

        async def known() -> bool:
            return there <= await missing(stage)

        seen.known_after = await until(stage, known, seconds_max=KNOWN_SECONDS_MAX)
        if event.replace:
            await self._roster.replace(lives, Silent(), seen.replaced, delete_first=True)

    async def _return(self, addresses: tuple[str, ...], seen: Seen) -> None:
        stage, there = self._stage, frozenset(addresses)
        dead = [address for address in addresses if address in self._dead]
        self._dead.difference_update(dead)
        began = stage.now
        stage.reconnect(address for address in addresses if address not in dead)
        await stage.power_on(dead)

        async def back() -> bool:
            return not there & await missing(stage)

        async def settled() -> bool:
            return not await debts(stage, addresses)

        if await until(stage, back, seconds_max=BACK_SECONDS_MAX) is not None:
            seen.known_after = round(stage.now - began, 3)
        await until(stage, settled, seconds_max=BACK_SECONDS_MAX)

    async def _enter(
        self, event: PlannedEvent, addresses: tuple[str, ...], lives: list[Life], seen: Seen
    ) -> None:
        """Nothing new goes there; what is there is made elsewhere first, if that is wanted."""
        began = self._stage.now
        self._resting.update(addresses)
        await self._all(addresses, "suspend")
        seen.known_after = round(self._stage.now - began, 3)
        if event.replace:
            await self._empty(addresses, lives, seen)
        refused = await self._all(addresses, "enter_maintenance")
        if refused:
            why = next(iter(refused.values()))
            seen.note = f"{len(refused)} only take nothing new, and are not yet empty: {why}"

    async def _empty(self, addresses: tuple[str, ...], lives: list[Life], seen: Seen) -> None:
        """Again and again: what was being made there when it was suspended comes a little later."""
        for _ in range(LOOKS_MAX):
            await self._roster.replace(lives, Silent(), seen.replaced, delete_first=False)
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
            lives = self._roster.on(await look(self._stage), addresses)
            if not lives or seen.replaced.not_made:
                return
            seen.vms += len(lives)

    async def _leave(self, addresses: tuple[str, ...], seen: Seen) -> None:
        """Whatever came of entering: a host in maintenance, or one that is only suspended."""
        began = self._stage.now
        addresses = tuple(address for address in addresses if address in self._resting)
        self._resting.difference_update(addresses)
        only_suspended = await self._all(addresses, "exit_maintenance")
        refused = await self._all(only_suspended, "resume")
        seen.known_after = round(self._stage.now - began, 3)
        if refused:
            seen.note = f"{len(refused)} stay out of use: {next(iter(refused.values()))}"

    async def _all(self, addresses: Iterable[str], verb: str) -> dict[str, str]:
        """Why it did not come about, by the address of each host of which it did not."""

        async def one(address: str) -> tuple[str, str]:
            host_id = self._stage.ground.host_ids[address]
            try:
                path = f"/v1/infrastructure/hosts/{host_id}/{verb}"
                ended = await self._stage.client.do(path)
            except Refused as refused:
                return address, refused.error.message.replace(host_id, address)
            why = "" if ended.error is None else ended.error.message
            return address, why.replace(host_id, address)

        answers = await bounded(map(one, addresses), AT_ONCE_MAX)
        return {address: why for address, why in answers if why}

    def _outcome(self, event: PlannedEvent, seen: Seen) -> EventOutcome:
        refusals = [
            f"{each.count} of {each.set_name}: {each.why}" for each in seen.replaced.refusals()
        ]
        return EventOutcome(
            at=event.at_seconds,
            what=event.what,
            happening=event.happening,
            hosts=len(self._stage.hosts.addresses(event.kind, event.name)),
            vms=seen.vms,
            known_after=seen.known_after,
            over_after=seen.over_after,
            replaced=len(seen.replaced.made),
            not_replaced=seen.replaced.not_made,
            note="; ".join([seen.note, *refusals] if seen.note else refusals),
        )
