"""Coordination in the CloudStore: members are rows whose generation is their heartbeat.

Who is silent for a lease is taken off the list by whoever notices first, if it is still silent in
that very commit. From then on its own renewals fail, and it can win no office.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from photon.coordination.listeners import Listeners
from photon.coordination.office_rows import StoredLeadership, found_vacant, taking
from photon.coordination.protocol import Listener
from photon.coordination.rounds import Rounds
from photon.coordination.silence import Silence
from photon.coordination.terms import LeaseTerms
from photon.domain.member import Member, Office
from photon.outside.clock import Clock
from photon.store.errors import (
    AlreadyExists,
    StaleGeneration,
    StoreBusy,
    StoreConflict,
    StoreUnavailable,
)
from photon.store.nouns import MEMBERS, OFFICES
from photon.store.protocol import (
    PAGE_SIZE_MAX,
    Change,
    CloudStore,
    Delete,
    Insert,
    Update,
    Write,
)

OFFICES_MAX: Final = 100  # Read at each look; there are a handful.

log = logging.getLogger(__name__)

replace = msgspec.structs.replace


class StoreCoordination:
    """See Coordination. `sole`: the store admits one process, so all others listed are dead."""

    def __init__(
        self,
        store: CloudStore,
        clock: Clock,
        terms: LeaseTerms,
        lost: Callable[[], None],
        *,
        sole: bool,
    ) -> None:
        self._store = store
        self._clock = clock
        self._terms = terms
        self._lost = lost
        self._sole = sole
        self._silence = Silence(terms)
        self._listeners = Listeners()
        self._me: Member | None = None
        self._members: tuple[Member, ...] = ()
        self._holders: dict[str, str] = {}
        self._campaigns: dict[str, StoredLeadership] = {}
        self._held_until = -math.inf  # by the monotonic clock; nothing is held at first
        self._gone = False  # left, or declared dead
        self._looking = asyncio.Lock()
        self._rounds = Rounds(clock, (StoreBusy, StoreUnavailable), self._silence.blind)
        self._unsubscribe: Callable[[], None] = lambda: None

    # Being a member

    async def join(self, member: Member) -> None:
        assert self._me is None, "a process joins once"
        began = self._clock.monotonic()
        await self._store.commit([Insert(MEMBERS, replace(member, generation=0))])
        self._me = replace(member, generation=1)
        self._renewed(began)
        if self._sole:
            await self._bury([row for row in await self._rows() if row.id != member.id])
        self._unsubscribe = self._store.subscribe(self._heard)
        await self.look()
        self._rounds.start(self._terms.renew_seconds, self.beat, self.look)

    async def leave(self) -> None:
        await self._stop()
        if self._me is None or self._gone:
            return
        self._gone = True
        for leadership in tuple(self._campaigns.values()):
            await leadership.resign()
        try:
            await self._store.commit([Delete(MEMBERS, self._me.id)])
        except StaleGeneration:
            log.info("this member was taken off the list already")

    async def _stop(self) -> None:
        self._unsubscribe()
        await self._rounds.stop()

    async def beat(self) -> None:
        """Renews this member's lease, then looks at the others'."""
        await self._renew()
        await self.look()

    async def _renew(self) -> None:
        assert self._me is not None
        began = self._clock.monotonic()
        try:
            await self._store.commit([Update(MEMBERS, self._me)])
        except StaleGeneration:
            # Nobody else writes this row: it is gone, or an earlier renewal came through whose
            # answer was lost.
            row = await self._store.find(MEMBERS, self._me.id)
            if row is None:
                self._declared_dead()
            else:
                self._me = row
                await self._renew()
            return
        self._me = replace(self._me, generation=self._me.generation + 1)
        self._renewed(began)

    def _renewed(self, began: float) -> None:
        # By the start: others may have seen the new generation any time since then. Where only
        # one process can be, nothing is ever taken from it.
        self._held_until = math.inf if self._sole else began + self._terms.held_seconds

    def _declared_dead(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._rounds.end()
        log.error("this process was declared dead by another; it stops")
        self._lost()
        self._listeners.tell()

    def holds(self) -> bool:
        """May this member act upon its offices now?"""
        return not self._gone and self._clock.monotonic() < self._held_until

    # Looking at the others

    def members(self) -> Sequence[Member]:
        return self._members

    async def is_gone(self, member_id: str) -> bool:
        return await self._store.find(MEMBERS, member_id) is None

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(listener)

    async def servers(self, *, seconds: float) -> Mapping[str, bool]:
        return {}

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.noun == MEMBERS.name and change.generation <= 1:
                if self._me is not None and change.id == self._me.id and not change.generation:
                    self._declared_dead()
                self._rounds.look_again.set()
            elif change.noun == OFFICES.name:
                self._rounds.look_again.set()

    async def look(self) -> None:
        """Sees who lives and who leads, buries the dead, and takes offices that are vacant."""
        async with self._looking:
            if self._gone:
                return
            rows = await self._rows()
            dead = set(self._silence.look(_generations(rows), self._clock.monotonic()))
            assert self._me is not None
            dead -= {self._me.id}
            buried = await self._bury([row for row in rows if row.id in dead])
            living = [row for row in rows if row.id not in buried]
            before = self._members, self._holders
            self._members = tuple(replace(row, generation=0) for row in living)
            await self._see_offices()
            if before != (self._members, self._holders):
                self._listeners.tell()

    async def _rows(self) -> list[Member]:
        return (await self._store.page(MEMBERS, {}, limit=PAGE_SIZE_MAX)).items

    async def _bury(self, dead: Sequence[Member]) -> set[str]:
        """Takes off the list those that are still as they were seen; answers their ids."""
        buried: set[str] = set()
        for member in dead:
            try:
                await self._store.commit([Delete(MEMBERS, member.id, member.generation)])
            except StaleGeneration:
                log.info("%s %s lives, or is off the list already", member.component, member.name)
                continue
            log.warning("%s %s (%s) is dead", member.component, member.name, member.id)
            buried.add(member.id)
        return buried

    # Offices

    def campaign(self, office: str) -> StoredLeadership:
        known = self._campaigns.get(office)
        if known is None or known.resigned:
            known = self._campaigns[office] = StoredLeadership(office, self)
            self._rounds.look_again.set()
        return known

    def holder(self, office: str) -> str | None:
        """The id of the living member that holds it, as last seen."""
        holder = self._holders.get(office)
        return holder if any(member.id == holder for member in self._members) else None

    async def _see_offices(self) -> None:
        assert self._me is not None
        rows = {row.id: row for row in await self._office_rows()}
        living = {member.id for member in self._members}
        for leadership in tuple(self._campaigns.values()):
            row = rows.get(leadership.office)
            if leadership.resigned or (leadership.won and row and row.holder == self._me.id):
                continue
            leadership.dropped()
            if found_vacant(row, self._me.id, living):
                await self._take(leadership, row)
        self._holders = {row.id: row.holder for row in await self._office_rows()}
        for leadership in tuple(self._campaigns.values()):
            leadership.tell()

    async def _take(self, leadership: StoredLeadership, row: Office | None) -> None:
        assert self._me is not None
        try:
            fence = await self._store.commit(taking(leadership.office, row, self._me.id))
        except StoreConflict as conflict:
            log.info("somebody else was quicker to be %s: %s", leadership.office, conflict)
            return
        log.info("this member is the %s now", leadership.office)
        leadership.took(fence)

    async def give_back(self, office: str) -> None:
        """Leaves the office vacant, if this member has it."""
        assert self._me is not None
        row = await self._store.find(OFFICES, office)
        if row is not None and row.holder == self._me.id:
            await self._commit_if_still([Update(OFFICES, replace(row, holder=""))])

    async def _commit_if_still(self, writes: Sequence[Write]) -> None:
        try:
            await self._store.commit(writes)
        except (AlreadyExists, StaleGeneration):
            log.info("somebody else has the office already")

    async def _office_rows(self) -> list[Office]:
        return (await self._store.page(OFFICES, {}, limit=OFFICES_MAX)).items


def _generations(rows: Sequence[Member]) -> dict[str, int]:
    return {row.id: row.generation for row in rows}
