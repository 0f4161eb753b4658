"""Demands wait while a leaf is on its way; not for ever, and not when nothing is."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from photon.domain.demand import NoPlacement, Placement
from photon.scheduler.patience import REBUILD_WAIT_SECONDS, PatientRoot
from photon.scheduler.shape import TreeShape
from photon.scheduler.treetop import TreeTop
from tests.scheduler.cloud import TurnedClock, a_demand, a_view, an_inventory, at_once


@dataclass
class Moves:
    """A tree that is being rebuilt, and after `turns` changes of it there is room."""

    clock: TurnedClock
    top: TreeTop
    turns: int
    rebuilding: bool = True
    waited: list[float] = field(default_factory=list)

    def is_alone(self) -> bool:
        return False

    def is_rebuilding(self) -> bool:
        return self.rebuilding

    async def wait_turn(self, *, seconds: float) -> bool:
        self.waited.append(seconds)
        self.clock.turn(seconds)
        if len(self.waited) == self.turns:
            self.top.open("leaf")
        return True


def waiting(turns: int, *, rebuilding: bool = True) -> tuple[PatientRoot, Moves]:
    clock = TurnedClock()
    top = TreeTop(clock, Random(1), TreeShape())
    top.build("leaf")
    top.seat("h1", "leaf")
    top.put_host(a_view("h1"))
    assert top.report(an_inventory("h1"))
    moves = Moves(clock, top, turns, rebuilding)
    return PatientRoot(top.root, moves, clock), moves


def test_a_demand_waits_for_the_leaf_that_can_take_it() -> None:
    root, moves = waiting(3)
    assert isinstance(at_once(root.place(a_demand())), Placement)
    assert len(moves.waited) == 3


def test_it_is_refused_when_the_leaf_does_not_come_in_time() -> None:
    root, moves = waiting(10_000)
    assert isinstance(at_once(root.place(a_demand())), NoPlacement)
    assert sum(moves.waited) == REBUILD_WAIT_SECONDS


def test_it_is_refused_at_once_when_nothing_is_on_its_way() -> None:
    root, moves = waiting(1, rebuilding=False)
    assert isinstance(at_once(root.place(a_demand())), NoPlacement)
    assert moves.waited == []


def test_a_dry_run_says_what_is_so_now() -> None:
    root, moves = waiting(1)
    assert isinstance(at_once(root.place(a_demand(dry_run=True))), NoPlacement)
    assert moves.waited == []
