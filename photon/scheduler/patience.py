"""The root, as sagas see it while the tree changes: nobody is refused because a leaf is moving.

A controller that dies takes its leaves' answers with it, until others have built them. A demand
that finds no room meanwhile might have found it there, so it waits, and asks again at each change.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, Protocol

from photon.domain.demand import Demand, NoPlacement, Placement, Reason
from photon.domain.fits import Fits
from photon.outside.clock import Clock
from photon.scheduler.root import Root

# A lease's end, an election, and a leaf's building; then a refusal says what is so now.
REBUILD_WAIT_SECONDS: Final = 30.0
# Between tries where nothing was told: another controller may have come to answer again.
ASK_AGAIN_SECONDS: Final = 1.0


class Moves(Protocol):
    """What is known of the tree's changes (photon.reconcilers.tree_keeper)."""

    def is_alone(self) -> bool: ...
    def is_rebuilding(self) -> bool: ...
    async def wait_turn(self, *, seconds: float) -> bool: ...


class PatientRoot:
    def __init__(self, root: Root, moves: Moves, clock: Clock) -> None:
        self._root = root
        self._moves = moves
        self._clock = clock
        # Nothing is refused by these, so nothing waits.
        self.hold = root.hold
        self.confirm = root.confirm
        self.release = root.release
        self.refused = root.refused

    def fits(self, demand: Demand) -> Coroutine[Any, Any, Fits]:
        return self._root.fits(demand)

    def place(self, demand: Demand) -> Coroutine[Any, Any, Placement | NoPlacement]:
        if demand.dry_run or self._moves.is_alone():
            return self._root.place(demand)
        return self._place(demand)

    async def _place(self, demand: Demand) -> Placement | NoPlacement:
        ends = self._clock.monotonic() + REBUILD_WAIT_SECONDS
        while True:
            answer = await self._root.place(demand)
            if isinstance(answer, Placement) or not self._may_change(answer):
                return answer
            left = ends - self._clock.monotonic()
            if left <= 0:
                return answer
            await self._moves.wait_turn(seconds=min(left, ASK_AGAIN_SECONDS))

    def _may_change(self, refusal: NoPlacement) -> bool:
        silent = any(count.reason == Reason.NODE_SILENT for count in refusal.reasons)
        return silent or self._moves.is_rebuilding()
