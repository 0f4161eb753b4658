"""The chairman: divides hosts among leaves, and leaves among the controllers that live.

One controller at a time holds the office. It alone writes the topology, but for two changes that
end what it began: that an heir owns its leaf, and that a host has arrived. Each of its write-sets
rewrites the topology's row, so that of one who was deposed nothing is accepted any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import msgspec

from photon.coordination.protocol import CONTROLLER, Coordination, Leadership
from photon.domain.topology import HostSeat, LeafRow, Topology, Traits
from photon.outside.clock import Clock, happens
from photon.reconcilers.attendance import Attendance
from photon.reconcilers.host_traits import Heard, HostTraits
from photon.reconcilers.topology_plan import Plan, planned
from photon.reconcilers.topology_rows import TopologyRows
from photon.scheduler.assignment import Hands, assigned
from photon.scheduler.division import Division
from photon.scheduler.shape import TreeShape
from photon.store.errors import StoreBusy, StoreConflict, StoreUnavailable
from photon.store.nouns import HOSTS, LEAVES, SEATS, TOPOLOGY
from photon.store.protocol import (
    WRITES_A_SET_MAX,
    Change,
    CloudStore,
    Delete,
    Insert,
    Noun,
    Update,
    Write,
)

CHAIRMAN: Final = "chairman"  # The office.
# Between looks when nothing happens; and the longest that changes of hosts wait to be looked at
# together. Whoever registers a host does not wait for it: see `seat`.
LOOK_SECONDS: Final = 1.0
AGAIN_SECONDS: Final = 1.0  # After a pass that failed, such as the store being away.
CONFLICT_SECONDS: Final = 0.05  # What was quicker is heard of within a moment.
CONFLICTS_MAX: Final = 5  # In a row: then something was never told, and all is read anew.
# Hosts that are seated in one write-set: it holds up the store's thread for some milliseconds.
HOSTS_A_SET_MAX: Final = 400

log = logging.getLogger(__name__)
replace = msgspec.structs.replace


R = TypeVar("R", Topology, LeafRow, HostSeat)


class Deposed(Exception):
    """Somebody else is the chairman now, or this one's lease is nearly over."""


@dataclass(frozen=True, slots=True)
class Realm:
    """What a chairman presides over."""

    store: CloudStore
    rows: TopologyRows
    coordination: Coordination
    clock: Clock
    shape: TreeShape


class Chairman:
    """`me` is this controller's id as a member. `start` campaigns for the office."""

    def __init__(self, realm: Realm, me: str) -> None:
        self._realm = realm
        self._rows = realm.rows
        self._me = me
        self._traits = HostTraits(realm.store)
        self._wake = asyncio.Event()
        self._asked: dict[str, tuple[Traits, asyncio.Future[bool]]] = {}
        self._hosts: set[str] = set()  # that the feed told of
        self._heard_at = float("-inf")
        self._dirty_hosts: set[str] = set()
        self._dirty_leaves: set[str] = set()
        self._leaf_changes = 0
        # With what members and how many changes nothing was to be done about owners.
        self._content: tuple[tuple[str, ...], frozenset[str], int] | None = None
        self._gone: set[str] = set()  # members that never come back
        self._retired: set[str] = set()  # members that wish for no leaves
        self._presiding = False
        self._running: asyncio.Task[None] | None = None
        self._unsubscribe: list[Callable[[], None]] = []

    def start(self) -> None:
        self._leadership = self._realm.coordination.campaign(CHAIRMAN)
        self._unsubscribe = [
            self._realm.store.subscribe(self._heard),
            self._realm.coordination.subscribe(self._wake.set),
        ]
        self._rows.listen(self._rows_changed)
        self._running = asyncio.create_task(self._run(self._leadership), name="chairman")

    async def close(self) -> None:
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        self._refuse_asked()

    @property
    def presides(self) -> bool:
        return self._presiding

    @property
    def may_preside(self) -> bool:
        """Whether this controller has the office, by its lease; when it has started."""
        return self._leadership.fence() is not None

    async def seat(self, host_id: str, traits: Traits) -> bool:
        """Gives the host a leaf, at once; True when that is durable. False: this controller is not
        the chairman. Many that ask together share a write-set."""
        if not self._presiding:
            return False
        known = self._asked.get(host_id)
        told = known[1] if known is not None else asyncio.get_running_loop().create_future()
        self._asked[host_id] = traits, told
        self._wake.set()
        return await asyncio.shield(told)

    # --- the office ------------------------------------------------------------------------------

    async def _run(self, leadership: Leadership) -> None:
        while True:
            fence = await leadership.wait()
            try:
                await self._preside(fence)
            except Deposed as deposed:
                log.warning("this controller is not the chairman any more: %s", deposed)
            except Exception:  # The tree must be looked after as long as this controller may.
                log.exception("the chairman failed; it begins again")
            finally:
                self._presiding = False
                self._refuse_asked()
            await self._realm.clock.sleep(AGAIN_SECONDS)

    def _refuse_asked(self) -> None:
        asked, self._asked = self._asked, {}
        for _, told in asked.values():
            if not told.done():
                told.set_result(False)

    async def _preside(self, fence: int) -> None:
        self._fence = fence
        await self._take_the_chair()
        self._made = self._rows.topology.leaves_made
        self._division = Division(self._realm.shape, self._name_leaf)
        self._attendance = Attendance()
        self._load()
        self._take(await self._traits.all(), everything=True)
        self._presiding = True
        log.info("this controller is the chairman")
        conflicts = 0
        while True:
            self._wake.clear()
            try:
                await self._pass()
                conflicts = 0
            except (StoreConflict, StoreBusy, StoreUnavailable) as problem:
                conflicts += 1
                log.info("the topology is written again: %s", problem)
                await self._look_again(conflicts)
                continue
            await happens(self._wake, self._realm.clock, seconds=LOOK_SECONDS)

    async def _look_again(self, conflicts: int) -> None:
        """After a refused write-set: an heir, a host or a later chairman was quicker."""
        await self._realm.clock.sleep(min(AGAIN_SECONDS, CONFLICT_SECONDS * conflicts))
        if conflicts % CONFLICTS_MAX:
            await self._rows.look_again()
        else:
            await self._rows.read_all()
        self._check_office()

    async def _take_the_chair(self) -> None:
        """From now on a write of an earlier chairman is stale."""
        while True:
            await self._rows.look_again()
            self._check_office()
            shape, before = self._realm.shape, self._rows.topology
            row = replace(
                before,
                chairman=self._me,
                fence=self._fence,
                leaf_hosts_max=shape.leaf_hosts_max,
                fan_out_max=shape.fan_out_max,
            )
            try:
                await self._realm.store.commit([_stored(TOPOLOGY, row)])
            except StoreConflict:
                continue
            self._rows.put(_written(row))
            return

    def _check_office(self) -> None:
        if self._rows.topology.fence > self._fence:
            raise Deposed("a later chairman has written")
        if self._leadership.fence() != self._fence:
            raise Deposed("its lease is over")

    def _name_leaf(self) -> str:
        self._made += 1
        return f"leaf-{self._made}"

    # --- what it hears ---------------------------------------------------------------------------

    def _heard(self, changes: Sequence[Change]) -> None:
        if self._presiding:
            self._hosts.update(change.id for change in changes if change.noun == HOSTS.name)

    def _rows_changed(self, leaf_ids: Collection[str], host_ids: Collection[str]) -> None:
        """Others asked for seats, took leaves, or brought hosts in."""
        if not self._presiding:
            return
        for host_id in host_ids:
            seat = self._rows.seats.get(host_id)
            if seat is None:
                continue
            if not seat.leaf_id:
                self._division.add(host_id, seat.traits)
                self._dirty_hosts.add(host_id)
                self._wake.set()
            elif seat.leaf_id != self._division.leaf_of(host_id):
                self._dirty_hosts.add(host_id)
        self._dirty_leaves.update(leaf_ids)
        self._leaf_changes += len(leaf_ids)
        if leaf_ids:
            self._wake.set()

    def _load(self) -> None:
        rows = self._rows
        self._division.load(
            [(row.id, row.traits) for row in rows.leaves.values()],
            [
                (seat.id, seat.next_leaf_id or seat.leaf_id, seat.traits)
                for seat in rows.seats.values()
            ],
        )
        self._dirty_leaves = set(rows.leaves)
        self._dirty_hosts = set()

    def _take(self, heard: Heard, *, everything: bool = False) -> None:
        for host_id, traits in heard.traits.items():
            self._division.add(host_id, traits)
        gone = set(heard.gone)
        if everything:
            gone |= self._rows.seats.keys() - heard.traits.keys() - heard.between
        for host_id in sorted(gone):
            self._division.remove(host_id)

    async def _hear_hosts(self) -> None:
        now = self._realm.clock.monotonic()
        if not self._hosts or now - self._heard_at < LOOK_SECONDS:
            return
        self._heard_at = now
        hosts, self._hosts = self._hosts, set()
        try:
            self._take(await self._traits.of(sorted(hosts)))
        except BaseException:
            self._hosts |= hosts
            raise

    # --- what it does ----------------------------------------------------------------------------

    async def _pass(self) -> None:
        self._check_office()
        asked = dict(self._asked)
        for host_id, (traits, _) in asked.items():
            self._division.add(host_id, traits)
            self._dirty_hosts.add(host_id)
        await self._hear_hosts()
        changes = self._division.take_changes()
        self._dirty_hosts |= changes.hosts
        self._dirty_leaves |= changes.leaves
        hands = await self._hands()
        rows = self._assign(hands)
        plan = planned(
            self._division, self._rows, sorted(self._dirty_hosts), sorted(self._dirty_leaves), rows
        )
        for part in plan.parts(HOSTS_A_SET_MAX):
            await self._write(part)
        self._dirty_hosts.clear()
        self._dirty_leaves = {
            leaf_id
            for leaf_id in self._dirty_leaves
            if self._division.leaf(leaf_id) is None and leaf_id in self._rows.leaves
        }
        for host_id, (_, told) in asked.items():
            if self._asked[host_id][1] is told:
                del self._asked[host_id]
            if not told.done():
                told.set_result(True)

    async def _hands(self) -> Hands:
        members = [
            member
            for member in self._realm.coordination.members()
            if member.component == CONTROLLER
        ]
        present = {member.id for member in members}
        leaves = self._rows.leaves.values()
        known = {id for row in leaves for id in (row.owner, row.heir) if id}
        for id in sorted(known - present - self._gone):
            # It may only be out of sight: nobody takes its leaves before it is gone for ever.
            if await self._realm.coordination.is_gone(id):
                self._gone.add(id)
        self._gone &= known
        self._retired |= {row.owner for row in leaves if row.leaving}
        self._retired &= present
        now = self._realm.clock.monotonic()
        self._attendance.look(members, now)
        staying = [member for member in members if member.id not in self._retired] or members
        return Hands((known | present) - self._gone, self._attendance.settled(staying, now))

    def _assign(self, hands: Hands) -> list[LeafRow]:
        """Nothing when all is as it was when nothing was to be done."""
        known = self._rows.leaves
        new = [
            LeafRow(part.id, part.prefix)
            for part in map(self._division.leaf, sorted(self._dirty_leaves))
            if part is not None and part.id not in known
        ]
        settled = tuple([member.id for member in hands.settled])
        as_it_is = settled, frozenset(hands.living), self._leaf_changes
        if not new and as_it_is == self._content:
            return []
        rows = assigned(known, new, hands)
        self._content = None if rows else as_it_is
        return rows

    async def _write(self, plan: Plan) -> None:
        self._check_office()
        topology = replace(self._rows.topology, leaves_made=self._made)
        writes: list[Write] = [Update(TOPOLOGY, topology)]
        writes += [_stored(LEAVES, leaf) for leaf in plan.leaves]
        writes += [_stored(SEATS, seat) for seat in plan.seats]
        writes += [Delete(SEATS, seat.id, seat.generation) for seat in plan.seats_gone]
        writes += [Delete(LEAVES, leaf.id, leaf.generation) for leaf in plan.leaves_gone]
        assert len(writes) <= WRITES_A_SET_MAX, "a part of a plan is a write-set"
        await self._realm.store.commit(writes)
        self._rows.put(
            _written(topology),
            [_written(leaf) for leaf in plan.leaves],
            [_written(seat) for seat in plan.seats],
        )
        self._rows.drop(
            [leaf.id for leaf in plan.leaves_gone], [seat.id for seat in plan.seats_gone]
        )


def _stored(noun: Noun[R], row: R) -> Write:
    return Update(noun, row) if row.generation else Insert(noun, row)


def _written(row: R) -> R:
    """As it is once it was committed."""
    return replace(row, generation=row.generation + 1)
