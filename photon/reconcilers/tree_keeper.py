"""Makes this controller's part of the scheduler tree what the topology says.

  the topology says                         done here
  a leaf is ours                            it is built, our root asks it, others may
  a leaf is to be ours                      it is built: its hosts are heard, what the store knows
                                            is announced; then we write that it is ours
  a leaf is another living controller's     our root asks that controller
  a leaf has no owner that lives            nobody is asked; demands that find no room wait for it
  a host moves into a leaf of ours          its leaf hears it first, then we write that it has moved

A leaf that ceases to be ours goes on answering for a while, for those who have not heard of it; and
what was promised of it and is not made yet is told to its new owner.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final

from photon.coordination.protocol import CONTROLLER, Coordination
from photon.domain.member import Member
from photon.domain.topology import LeafRow
from photon.outside.clock import happens
from photon.reconcilers.leaf_moves import LeafMoves, Outlook, Watch
from photon.scheduler.treetop import MINE, TreeTop
from photon.store.nouns import LEAVES, SEATS
from photon.store.protocol import Require

# Others' roots hear of a move by the change feed, within a second or so.
OVERLAP_SECONDS: Final = 5.0

log = logging.getLogger(__name__)


class TreeKeeper:
    """`me` is this controller's id as a member. `start` comes first."""

    def __init__(self, outlook: Outlook, coordination: Coordination, top: TreeTop, me: str) -> None:
        self._outlook = outlook
        self._rows = outlook.rows
        self._coordination = coordination
        self._top = top
        self._me = me
        self._members: dict[str, Member] = {}
        self._building: set[str] = set()  # leaves that are to be ours
        self._lingering: set[str] = set()  # leaves that were ours
        self._incoming: set[str] = set()  # hosts on their way into leaves of ours
        self._unheard: set[str] = set()  # hosts of which the watch is to be told
        self._orphaned: set[str] = set()  # leaves with hosts for which nobody answers
        self._turned = asyncio.Event()  # set and replaced at each change: waiters come and go
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self, watch: Watch) -> None:
        """Follows the topology's rows, which are there already."""
        self._moves = LeafMoves(self._outlook, watch, self._me)
        self._rows.listen(self._follow)
        self._unsubscribe = self._coordination.subscribe(self._see_members)
        self._members = self._living()
        self._follow(list(self._rows.leaves), ())

    async def settle(self, *, seconds: float) -> None:
        """Returns when each leaf is somebody's who lives, and none is on its way here; or when the
        time is up."""
        ends = self._outlook.clock.monotonic() + seconds
        while self._building or self._orphaned or self._chairman() is None:
            left = ends - self._outlook.clock.monotonic()
            if left <= 0 or not await self.wait_turn(seconds=left):
                return

    async def retire(self, *, seconds: float) -> None:
        """Gives the leaves to others before this controller stops, if there are any.

        A store that is away, or lost for good, holds this up no longer either: until a controller
        has stopped, others wait for its leaves and its tasks.
        """
        try:
            async with asyncio.timeout(seconds):
                if len(self._living()) > 1:
                    await self._moves.leave()
                while len(self._living()) > 1 and self._owned():
                    await self.wait_turn(seconds=seconds)
        except TimeoutError:
            log.warning("some leaves were not given away; others take them from the dead")

    async def close(self) -> None:
        self._unsubscribe()
        await self._moves.close()

    # --- what others ask -------------------------------------------------------------------------

    def keeps(self, host_id: str) -> bool:
        """Whether this controller watches the host."""
        return self._leaf_here(host_id) is not None

    def warrant(self, host_id: str) -> Sequence[Require] | None:
        """See photon.reconcilers.warrant. Also of a leaf that is to be ours: its hosts are heard
        before it is."""
        leaf_id, seat = self._leaf_here(host_id), self._rows.seats.get(host_id)
        row = None if leaf_id is None else self._rows.leaves.get(leaf_id)
        if row is None or seat is None or self._me not in (row.owner, row.heir):
            return None
        right = {"owner": self._me} if row.owner == self._me else {"generation": row.generation}
        return (
            Require(LEAVES, row.id, right),
            Require(SEATS, host_id, {"leaf_id": seat.leaf_id}),
        )

    def is_alone(self) -> bool:
        """No other controller lives and nothing is on its way: a refusal here is final."""
        return len(self._members) <= 1 and not self._orphaned

    def is_rebuilding(self) -> bool:
        """Whether there are hosts for whose leaf nobody can answer now."""
        return bool(self._orphaned)

    async def wait_turn(self, *, seconds: float) -> bool:
        """Returns after the next change of the tree; False when the time was up first."""
        return await happens(self._turned, self._outlook.clock, seconds=seconds)

    def is_seated(self, host_id: str) -> bool:
        seat = self._rows.seats.get(host_id)
        return seat is not None and bool(seat.leaf_id)

    async def wait_seated(self, host_id: str, *, seconds: float) -> bool:
        """Returns when the host has a leaf; False when the time was up first."""
        ends = self._outlook.clock.monotonic() + seconds
        while not self.is_seated(host_id):
            left = ends - self._outlook.clock.monotonic()
            if left <= 0 or not await self.wait_turn(seconds=left):
                return False
        return True

    # --- following -------------------------------------------------------------------------------

    def _living(self) -> dict[str, Member]:
        members = self._coordination.members()
        return {member.id: member for member in members if member.component == CONTROLLER}

    def _chairman(self) -> Member | None:
        return self._members.get(self._rows.topology.chairman)

    def _owned(self) -> list[str]:
        return [row.id for row in self._rows.leaves.values() if row.owner == self._me]

    def _see_members(self) -> None:
        members = self._living()
        if members.keys() != self._members.keys():
            self._members = members
            self._follow(list(self._rows.leaves), ())
            others = [each for each in members.values() if each.id != self._me]
            self._outlook.ways.retain(others)

    def _follow(self, leaf_ids: Collection[str], host_ids: Collection[str]) -> None:
        for leaf_id in leaf_ids:
            self._follow_leaf(leaf_id, self._rows.leaves.get(leaf_id))
        for host_id in host_ids:
            self._follow_seat(host_id)
        if self._unheard:
            unheard, self._unheard = self._unheard, set()
            self._moves.hear(unheard)
        if leaf_ids:
            self._orphaned = {
                row.id
                for row in self._rows.leaves.values()
                if row.owner not in self._members and self._rows.hosts_of(row.id)
            }
        turned, self._turned = self._turned, asyncio.Event()
        turned.set()

    # --- leaves ----------------------------------------------------------------------------------

    def _follow_leaf(self, leaf_id: str, row: LeafRow | None) -> None:
        ours = row is not None and row.owner == self._me
        to_be_ours = row is not None and row.heir == self._me and not ours
        if ours or to_be_ours:
            self._keep(leaf_id)
        elif self._top.leaf(leaf_id) is not None and leaf_id not in self._lingering:
            self._let_go(leaf_id, row)
        self._route(leaf_id, row)
        if to_be_ours and leaf_id not in self._building:
            self._building.add(leaf_id)
            self._moves.start(self._build(leaf_id))

    def _keep(self, leaf_id: str) -> None:
        self._lingering.discard(leaf_id)
        if self._top.leaf(leaf_id) is None:
            self._outlook.ways.admit(leaf_id, self._top.build(leaf_id))
            for host_id in sorted(self._rows.hosts_of(leaf_id)):
                self._follow_seat(host_id)

    async def _build(self, leaf_id: str) -> None:
        leaf = self._top.leaf(leaf_id)
        try:
            if leaf is not None:
                await self._moves.take_leaf(leaf_id, leaf)
        finally:
            self._building.discard(leaf_id)
            self._follow([leaf_id], ())

    def _let_go(self, leaf_id: str, row: LeafRow | None) -> None:
        if row is None or self._top.answering(leaf_id) != MINE:
            self._drop(leaf_id)  # it has no hosts, or was never asked
            return
        self._lingering.add(leaf_id)
        self._moves.start(self._linger(leaf_id))

    async def _linger(self, leaf_id: str) -> None:
        promises = self._top.promises(leaf_id)
        await self._moves.pass_on(promises, self._top.root)
        await self._outlook.clock.sleep(OVERLAP_SECONDS)
        if leaf_id in self._lingering:
            self._drop(leaf_id)
            self._follow((), ())

    def _drop(self, leaf_id: str) -> None:
        self._lingering.discard(leaf_id)
        self._outlook.ways.withdraw(leaf_id)
        self._unheard.update(self._top.drop(leaf_id))

    def _route(self, leaf_id: str, row: LeafRow | None) -> None:
        """Whom our root asks for it."""
        owner = None if row is None else self._members.get(row.owner)
        if row is not None and row.owner == self._me:
            self._top.open(leaf_id)
        elif owner is None:
            self._top.close(leaf_id)
        else:
            hosts = len(self._rows.hosts_of(leaf_id)) or 1
            node = self._outlook.ways.node(
                owner, leaf_id, lambda host_id: self._is_in(host_id, leaf_id), hosts
            )
            self._top.reach(leaf_id, f"controller {owner.name}", node)

    def _is_in(self, host_id: str, leaf_id: str) -> bool:
        seat = self._rows.seats.get(host_id)
        return seat is not None and seat.leaf_id == leaf_id

    # --- hosts -----------------------------------------------------------------------------------

    def _follow_seat(self, host_id: str) -> None:
        leaf_id, before = self._leaf_here(host_id), self._top.leaf_of(host_id)
        if leaf_id is None and before is not None:
            if self.is_seated(host_id):
                promises = self._top.promises(before, host_id)
                self._moves.start(self._moves.pass_on(promises, self._top.root))
            self._top.unseat(host_id)
            self._unheard.add(host_id)
        elif leaf_id is not None and leaf_id != before:
            self._top.seat(host_id, leaf_id)
            if before is None:
                self._unheard.add(host_id)
        self._follow_move(host_id)

    def _follow_move(self, host_id: str) -> None:
        seat = self._rows.seats.get(host_id)
        row = self._rows.leaves.get(seat.next_leaf_id) if seat is not None else None
        if row is not None and row.owner == self._me and host_id not in self._incoming:
            self._incoming.add(host_id)
            self._moves.start(self._move_in(host_id, row.id))

    async def _move_in(self, host_id: str, leaf_id: str) -> None:
        leaf = self._top.leaf(leaf_id)
        try:
            if leaf is not None:
                known = self._top.leaf_of(host_id) != leaf_id
                await self._moves.take_host(host_id, leaf, known=known)
        finally:
            self._incoming.discard(host_id)

    def _leaf_here(self, host_id: str) -> str | None:
        """The leaf here that hears of the host: its own, else the one that it moves into."""
        seat = self._rows.seats.get(host_id)
        if seat is None:
            return None
        if seat.leaf_id and self._top.leaf(seat.leaf_id) is not None:
            return seat.leaf_id
        if seat.next_leaf_id and self._top.leaf(seat.next_leaf_id) is not None:
            return seat.next_leaf_id
        return None
