"""What one leaf takes of a datastore that hosts of several leaves reach, the others miss."""

from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, DiskDemand, Placement
from photon.scheduler.datastores import WRITES_KEPT_MAX
from photon.scheduler.tree import Tree, TreeShape
from tests.scheduler.cloud import TurnedClock, a_datastore, a_view, an_inventory, at_once

LEAVES = 4


def a_cloud(gib: int) -> Tree:
    """Leaves of one host, each with the datastore that all reach and one of its own."""
    tree = Tree(TurnedClock(), Random(1), TreeShape(leaf_hosts_max=1, fan_out_max=2))
    for number in range(LEAVES):
        id = f"h{number}"
        tree.put_host(a_view(id))
        datastores = [a_datastore("all", gib, type="NFS_3"), a_datastore(f"own-{id}", 4)]
        tree.report(an_inventory(id, datastores=datastores))
    return tree


def a_disk(number: int) -> Demand:
    return Demand(f"d{number}", disks=(DiskDemand(f"d{number}", 1),), datastore_id="all")


@settings(max_examples=20)
@given(st.lists(st.integers(0, 3 * WRITES_KEPT_MAX), max_size=4))
def test_every_leaf_knows_what_is_left_however_long_it_was_not_asked(bursts: list[int]) -> None:
    room = 2 * WRITES_KEPT_MAX
    tree = a_cloud(room)
    placed: list[Placement] = []
    number = 0
    for burst in bursts:
        for _ in range(burst):
            answer = at_once(tree.root.place(a_disk(number)))
            number += 1
            if isinstance(answer, Placement):
                placed.append(answer)
            else:
                assert len(placed) == room, "it is refused when nothing is left, and not before"
        assert tree.audit() == []
        for each in placed[: burst // 2]:
            at_once(tree.root.release(each.demand_id, each.host_id))
        del placed[: burst // 2]
        assert tree.audit() == []
