"""The topology as the store has it: read once, then kept in step by the change feed.

The chairman decides upon it, and every controller's keeper of the tree follows it. Who commits a
change says so at once (`put`, `gone`), and need not wait for the feed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from itertools import count
from sys import intern
from typing import Final, TypeVar

import msgspec

from photon.domain.topology import HostSeat, LeafRow, Topology, Traits
from photon.outside.clock import Clock
from photon.store.nouns import LEAVES, SEATS, TOPOLOGY
from photon.store.protocol import PAGE_SIZE_MAX, Change, CloudStore, Entity, Noun

RETRY_SECONDS: Final = 1.0  # The store is away, or a row cannot be read: soon, but not at once.

# Ids of leaves and of hosts that are otherwise than before.
Listener = Callable[[Collection[str], Collection[str]], None]
E = TypeVar("E", bound=Entity)

log = logging.getLogger(__name__)
_NONE: Final[frozenset[str]] = frozenset()


class TopologyRows:
    def __init__(self, store: CloudStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.topology = Topology()
        self.leaves: dict[str, LeafRow] = {}
        self.seats: dict[str, HostSeat] = {}
        self._inside: dict[str, set[str]] = {}  # by leaf, hosts that are in it or on their way
        self._kept: dict[Traits, Traits] = {}  # one object for all hosts that are alike
        self._listeners: list[Listener] = []
        # By noun and id, when it was last told of: what is told of again while it is read is read
        # again.
        self._marks = count()
        self._changed: dict[str, dict[str, int]] = {
            noun.name: {} for noun in (TOPOLOGY, LEAVES, SEATS)
        }
        self._wake = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        self._unsubscribe = self._store.subscribe(self._heard)
        await self.read_all()
        self._following = asyncio.create_task(self._follow(), name="topology-rows")

    async def close(self) -> None:
        self._unsubscribe()
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    def listen(self, listener: Listener) -> None:
        """Calls it after leaves or seats changed, or only the topology's row (then with none)."""
        self._listeners.append(listener)

    def hosts_of(self, leaf_id: str) -> Collection[str]:
        """Those that are in it, or on their way into it."""
        return self._inside.get(leaf_id, _NONE)

    # --- changes ---------------------------------------------------------------------------------

    def put(
        self,
        topology: Topology | None = None,
        leaves: Iterable[LeafRow] = (),
        seats: Iterable[HostSeat] = (),
    ) -> None:
        """What was just committed, at the generations that it has now."""
        if topology is not None:
            self._take_topology(topology)
        leaf_ids = [leaf.id for leaf in leaves if self._take_leaf(leaf)]
        host_ids = [seat.id for seat in seats if self._take_seat(seat)]
        self._tell(leaf_ids, host_ids)

    def drop(self, leaf_ids: Collection[str], host_ids: Collection[str]) -> None:
        """What was just deleted."""
        leaves = [leaf_id for leaf_id in leaf_ids if self.leaves.pop(leaf_id, None) is not None]
        hosts = [host_id for host_id in host_ids if self._drop_seat(host_id)]
        if leaves or hosts:
            self._tell(leaves, hosts)

    async def read_all(self) -> None:
        """Reads every row, so that nothing is missed of which the feed may not have told."""
        await self.look_again()
        leaves = [row async for row in _all(self._store, LEAVES)]
        changed_leaves = {row.id for row in leaves if self._take_leaf(row)}
        seen_leaves = {row.id for row in leaves}
        seen_hosts: set[str] = set()
        changed_hosts: set[str] = set()
        async for seat in _all(self._store, SEATS):
            seen_hosts.add(seat.id)
            if self._take_seat(seat):
                changed_hosts.add(seat.id)
        # What came meanwhile was not seen, and is there: the next reading of it decides.
        self._mark(LEAVES.name, self.leaves.keys() - seen_leaves)
        self._mark(SEATS.name, self.seats.keys() - seen_hosts)
        if changed_leaves or changed_hosts:
            self._tell(sorted(changed_leaves), sorted(changed_hosts))
        await self.look_again()

    async def look_again(self) -> None:
        """Reads what the feed has told of and was not read yet; and the topology's row."""
        self._mark(TOPOLOGY.name, [Topology().id])
        await self._read_changed()

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.noun in self._changed and not self._is_known(change):
                self._mark(change.noun, [change.id])
                self._wake.set()

    def _mark(self, noun: str, ids: Iterable[str]) -> None:
        self._changed[noun].update((id, next(self._marks)) for id in ids)

    def _is_known(self, change: Change) -> bool:
        if not change.generation:
            return False
        row: Entity | None
        if change.noun == SEATS.name:
            row = self.seats.get(change.id)
        else:
            row = self.leaves.get(change.id) if change.noun == LEAVES.name else self.topology
        return row is not None and row.generation >= change.generation

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._read_changed()
            except Exception:  # The tree must follow again as soon as the store is back.
                log.exception("a change of the topology was not followed; it is again")
                self._wake.set()
                await self._clock.sleep(RETRY_SECONDS)

    async def _read_changed(self) -> None:
        due = {noun: dict(marks) for noun, marks in self._changed.items()}
        topology, leaf_ids, host_ids = (
            sorted(due[noun.name]) for noun in (TOPOLOGY, LEAVES, SEATS)
        )
        rows = await _found(self._store, TOPOLOGY, topology)
        leaves = await _found(self._store, LEAVES, leaf_ids)
        seats = await _found(self._store, SEATS, host_ids)
        for noun, marks in due.items():
            for id, mark in marks.items():
                if self._changed[noun].get(id) == mark:
                    del self._changed[noun][id]
        for row in rows:
            self._take_topology(row)
        changed_leaves = {leaf.id for leaf in leaves if self._take_leaf(leaf)}
        changed_hosts = {seat.id for seat in seats if self._take_seat(seat)}
        # In any order, both: listeners are told of sorted ids.
        for leaf_id in {*leaf_ids} - {leaf.id for leaf in leaves}:
            if self.leaves.pop(leaf_id, None) is not None:
                changed_leaves.add(leaf_id)
        for host_id in {*host_ids} - {seat.id for seat in seats}:  # any order
            if self._drop_seat(host_id):
                changed_hosts.add(host_id)
        if rows or changed_leaves or changed_hosts:
            self._tell(sorted(changed_leaves), sorted(changed_hosts))

    def _tell(self, leaf_ids: Collection[str], host_ids: Collection[str]) -> None:
        for listener in self._listeners:
            try:
                listener(leaf_ids, host_ids)
            except Exception:  # What one listener cannot do must not keep others from hearing.
                log.exception("a change of the topology was not followed by all")

    # --- rows ------------------------------------------------------------------------------------

    def _take_topology(self, row: Topology) -> None:
        if row.generation > self.topology.generation:
            self.topology = row

    def _take_leaf(self, row: LeafRow) -> bool:
        known = self.leaves.get(row.id)
        if known is not None and known.generation >= row.generation:
            return False
        self.leaves[row.id] = row
        return True

    def _take_seat(self, row: HostSeat) -> bool:
        known = self.seats.get(row.id)
        if known is not None and known.generation >= row.generation:
            return False
        if known is not None:
            self._move_out(known)
        seat = msgspec.structs.replace(
            row,
            leaf_id=intern(row.leaf_id),
            next_leaf_id=intern(row.next_leaf_id),
            traits=self._kept.setdefault(row.traits, row.traits),
        )
        self.seats[seat.id] = seat
        for leaf_id in {seat.leaf_id, seat.next_leaf_id} - {""}:  # any order
            self._inside.setdefault(leaf_id, set()).add(seat.id)
        return True

    def _drop_seat(self, host_id: str) -> bool:
        seat = self.seats.pop(host_id, None)
        if seat is not None:
            self._move_out(seat)
        return seat is not None

    def _move_out(self, seat: HostSeat) -> None:
        for leaf_id in {seat.leaf_id, seat.next_leaf_id} - {""}:  # any order
            inside = self._inside[leaf_id]
            inside.discard(seat.id)
            if not inside:
                del self._inside[leaf_id]


async def _found(store: CloudStore, noun: Noun[E], ids: Sequence[str]) -> list[E]:
    rows: list[E] = []
    for start in range(0, len(ids), PAGE_SIZE_MAX):
        rows += await store.find_many(noun, ids[start : start + PAGE_SIZE_MAX])
    return rows


async def _all(store: CloudStore, noun: Noun[E]) -> AsyncIterator[E]:
    after: str | None = None
    while True:
        page = await store.page(noun, {}, limit=PAGE_SIZE_MAX, after=after)
        for row in page.items:
            yield row
        if not page.more:
            return
        after = page.items[-1].id
