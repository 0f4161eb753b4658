"""The right of an office, as the store can check it: the office's row names who has it.

Coordination decides who leads, and may do so outside the store. Before its first write under a
fencing number the leader puts its name into the row; from then on each of its write-sets requires
that the name is still there. A successor does the same, and from that commit on nothing of its
predecessor is accepted any more.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from photon.coordination.protocol import Leadership
from photon.domain.member import Office
from photon.reconcilers.conditional_store import ConditionalStore
from photon.store.errors import RequirementFailed
from photon.store.nouns import OFFICES
from photon.store.protocol import CloudStore, Insert, Require, Update


class Incumbency:
    """`me` is this controller's id as a member."""

    def __init__(self, store: CloudStore, leadership: Leadership, me: str) -> None:
        self._store = store
        self._leadership = leadership
        self._office = leadership.office
        self._me = me
        self._entered = 0  # the fencing number under which the row was last seen to name this one

    def bound(self) -> ConditionalStore:
        """The store, for the duties of the office."""
        return ConditionalStore(self._store, self.condition)

    async def condition(self) -> Sequence[Require]:
        """What must hold of each write-set.

        Raises:
            RequirementFailed: this member does not lead now, as far as it knows.
        """
        fence = self._fence()
        if fence != self._entered:
            await self._enter(fence)
            self._entered = fence
        return [Require(OFFICES, self._office, {"holder": self._me})]

    def _fence(self) -> int:
        fence = self._leadership.fence()
        if fence is None:
            raise RequirementFailed(OFFICES.name, self._office)
        return fence

    async def _enter(self, fence: int) -> None:
        row = await self._store.find(OFFICES, self._office)
        if row is not None and row.holder == self._me:
            return
        # The row was read before it is known that this member still leads: had a successor
        # written since, the generation would be another one.
        if self._fence() != fence:
            raise RequirementFailed(OFFICES.name, self._office)
        if row is None:
            await self._store.commit([Insert(OFFICES, Office(self._office, self._me))])
        else:
            named = msgspec.structs.replace(row, holder=self._me)
            await self._store.commit([Update(OFFICES, named)])
