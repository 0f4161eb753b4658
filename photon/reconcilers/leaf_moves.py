"""The work of moving leaves and hosts to this controller: hear, announce, then write that it is so.

Until it is written the old owner answers; afterwards both do for a moment, and hosts, which have
the last word, refuse what both have promised.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from photon.domain.demand import Demand, Placement
from photon.domain.member import Member
from photon.domain.topology import HostSeat, LeafRow
from photon.outside.clock import Clock
from photon.reconcilers.topology_rows import TopologyRows
from photon.scheduler.leaf import Leaf
from photon.scheduler.protocol import ChildNode, SchedulerNode
from photon.store.errors import StoreBusy, StoreConflict, StoreUnavailable
from photon.store.nouns import LEAVES, SEATS
from photon.store.protocol import CloudStore, Update, Write

# Agents that are up answer in milliseconds; those that are not hold a leaf up no longer.
HEAR_SECONDS: Final = 5.0
# So many leaves are announced at once: each reads the store, and all share one thread.
ANNOUNCED_AT_ONCE_MAX: Final = 16
AGAIN_SECONDS: Final = 1.0  # After something failed, such as the store being away.
TRIES_MAX: Final = 60  # Of one move: then the chairman finds it undone and says it again.

log = logging.getLogger(__name__)
replace = msgspec.structs.replace

# Tells a leaf what the store knows of these hosts and no report says: promises of open tasks, and
# VMs that are members of groups.
Announce = Callable[[Collection[str], SchedulerNode], Awaitable[None]]


async def nothing_to_announce(host_ids: Collection[str], node: SchedulerNode) -> None:
    """For those whose store has no tasks and no groups."""


class Watch(Protocol):
    """Who hears of hosts (photon.reconcilers.host_watch)."""

    async def look_over(self, host_ids: Collection[str]) -> None: ...
    async def settle(self, *, seconds: float, host_ids: Collection[str] | None = None) -> None: ...


class Ways(Protocol):
    """From controller to controller."""

    def node(
        self, member: Member, leaf_id: str, owns: Callable[[str], bool], hosts: int
    ) -> ChildNode:
        """A leaf that this member serves; the same for the same leaf and member."""
        ...

    def retain(self, members: Collection[Member]) -> None:
        """There are no others any more."""
        ...

    def admit(self, leaf_id: str, node: ChildNode) -> None:
        """Serves it to others."""
        ...

    def withdraw(self, leaf_id: str) -> None: ...


class Alone:
    """The ways of a controller that is the only one."""

    def node(
        self, member: Member, leaf_id: str, owns: Callable[[str], bool], hosts: int
    ) -> ChildNode:
        raise AssertionError("there is no other controller")

    def retain(self, members: Collection[Member]) -> None:
        assert not members, "there is no other controller"

    def admit(self, leaf_id: str, node: ChildNode) -> None: ...
    def withdraw(self, leaf_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a keeper of the tree reaches the world through."""

    store: CloudStore
    rows: TopologyRows
    ways: Ways
    clock: Clock
    announce: Announce = nothing_to_announce


class LeafMoves:
    """`me` is this controller's id as a member."""

    def __init__(self, outlook: Outlook, watch: Watch, me: str) -> None:
        self._outlook = outlook
        self._watch = watch
        self._me = me
        self._works: set[asyncio.Task[None]] = set()
        self._hearing: asyncio.Task[None] | None = None
        self._turns = asyncio.Semaphore(ANNOUNCED_AT_ONCE_MAX)

    async def close(self) -> None:
        works = list(self._works)  # any order: all are cancelled before one of them runs
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)

    def start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        task = asyncio.ensure_future(self._quietly(work))
        self._works.add(task)
        task.add_done_callback(self._works.discard)
        return task

    def hear(self, host_ids: Collection[str]) -> None:
        """The watch looks over these hosts. What is started next waits for it."""
        self._hearing = self.start(self._hear(host_ids))

    async def take_leaf(self, leaf_id: str, leaf: Leaf) -> None:
        """Makes this controller the owner of a leaf that it is the heir of."""
        hosts = sorted(self._outlook.rows.hosts_of(leaf_id))
        await self._be_told(hosts, leaf)
        await self._write(lambda: self._taking(leaf_id))

    async def take_host(self, host_id: str, leaf: Leaf, *, known: bool) -> None:
        """Ends a host's way into a leaf of ours; `known`: it comes from another leaf here."""
        if not known:
            await self._be_told([host_id], leaf)
        await self._write(lambda: self._arriving(host_id))

    async def leave(self) -> None:
        """Says that this controller wishes to be rid of its leaves."""
        for row in list(self._outlook.rows.leaves.values()):
            if row.owner == self._me and not row.leaving:
                await self._write(lambda id=row.id: self._leaving(id))  # type: ignore[misc]  # mypy cannot type defaults of lambdas

    async def pass_on(
        self, promises: Sequence[tuple[Demand, Placement]], node: SchedulerNode
    ) -> None:
        """Tells whoever has the hosts now what was promised of them here."""
        for demand, placement in promises:
            await node.hold(demand, placement)

    # --- steps -----------------------------------------------------------------------------------

    async def _quietly(self, work: Awaitable[None]) -> None:
        try:
            await work
        except Exception:  # One leaf's trouble must not end what is done for the others.
            log.exception("a change of the scheduler tree was not carried out")

    async def _hear(self, host_ids: Collection[str]) -> None:
        while True:
            try:
                await self._watch.look_over(host_ids)
                return
            except (StoreBusy, StoreUnavailable) as problem:
                log.warning("%d hosts are not heard of yet: %s", len(host_ids), problem)
                await self._outlook.clock.sleep(AGAIN_SECONDS)

    async def _be_told(self, host_ids: Sequence[str], leaf: Leaf) -> None:
        """Until the hosts' reports and the store have said all that they know."""
        if self._hearing is not None:
            await asyncio.wait([self._hearing], timeout=HEAR_SECONDS)
        await self._watch.settle(seconds=HEAR_SECONDS, host_ids=host_ids)
        async with self._turns:
            await self._outlook.announce(host_ids, leaf)

    async def _write(self, change: Callable[[], LeafRow | HostSeat | None]) -> None:
        """Commits the row that `change` makes of the latest one; None: there is nothing to do."""
        rows, clock = self._outlook.rows, self._outlook.clock
        for _ in range(TRIES_MAX):
            row = change()
            if row is None:
                return
            write: Write = Update(LEAVES, row) if isinstance(row, LeafRow) else Update(SEATS, row)
            try:
                await self._outlook.store.commit([write])
            except StoreConflict:
                await rows.look_again()
                await clock.sleep(0)
                continue
            except (StoreBusy, StoreUnavailable) as problem:
                log.warning("a change of the tree is not written yet: %s", problem)
                await clock.sleep(AGAIN_SECONDS)
                continue
            written = replace(row, generation=row.generation + 1)
            if isinstance(written, LeafRow):
                rows.put(leaves=[written])
            else:
                rows.put(seats=[written])
            return
        log.error("a change of the tree could not be written; the chairman says it again")

    def _taking(self, leaf_id: str) -> LeafRow | None:
        row = self._outlook.rows.leaves.get(leaf_id)
        if row is None or row.heir != self._me:
            return None
        return replace(row, owner=self._me, heir="", leaving=False)

    def _leaving(self, leaf_id: str) -> LeafRow | None:
        row = self._outlook.rows.leaves.get(leaf_id)
        if row is None or row.owner != self._me or row.leaving:
            return None
        return replace(row, leaving=True)

    def _arriving(self, host_id: str) -> HostSeat | None:
        rows = self._outlook.rows
        seat = rows.seats.get(host_id)
        if seat is None or not seat.next_leaf_id:
            return None
        leaf = rows.leaves.get(seat.next_leaf_id)
        if leaf is None or leaf.owner != self._me:
            return None
        return replace(seat, leaf_id=seat.next_leaf_id, next_leaf_id="")
