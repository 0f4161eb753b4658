"""A child that leaves its branch while it is asked."""

from __future__ import annotations

from random import Random

import pytest

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.scheduler.branch import Branch
from photon.scheduler.leaf import Leaf
from tests.scheduler.cloud import TurnedClock, a_demand, a_view, an_inventory, placed


class LeavingLeaf(Leaf):
    """It has moved to another parent by the time it answers."""

    parent: Branch

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        answer = await super().place(demand)
        if self in self.parent.children():
            self.parent.remove(self)
        return answer


@pytest.mark.parametrize("leaves", [1, 2])
async def test_a_child_that_leaves_while_it_is_asked_has_placed_all_the_same(leaves: int) -> None:
    """Seed 410 of the simulation: of an only child, IndexError."""
    clock = TurnedClock()
    branch = Branch(Random(1), clock)
    for number in range(leaves):
        leaf = LeavingLeaf(clock)
        leaf.parent = branch
        leaf.put_host(a_view(f"h{number}"))
        assert leaf.report(an_inventory(f"h{number}"))
        branch.add(leaf, f"leaf-{number}")

    answer = await branch.place(a_demand())

    assert placed(answer).host_id in {"h0", "h1"}
    assert len(branch) == leaves - 1
