"""What is wished for is had while it can be, and is never why a demand is refused."""

from __future__ import annotations

from collections import Counter
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.affinity import AffinityKind
from photon.domain.demand import Placement, Strategy, Wish
from photon.scheduler.policy import SUMMARY_SECONDS
from photon.scheduler.tree import Tree, TreeShape
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_leaf,
    a_view,
    an_inventory,
    at_once,
    placed,
)
from tests.scheduler.reference import PlainHost
from tests.scheduler.test_choice import demands
from tests.scheduler.test_tree import tree_of, wide_clouds

ZONE = AffinityKind.AVAILABILITY_ZONE
WISHES = st.lists(
    st.sampled_from(
        [
            Wish(ZONE, "z1"),
            Wish(ZONE, "nowhere"),
            Wish(AffinityKind.HOST, "h1.example"),
            Wish(AffinityKind.PORT_GROUP, "n1"),
            Wish(AffinityKind.DATASTORE, "h0-0"),
            Wish(AffinityKind.DATASTORE_TYPE, "ssd"),
        ]
    ),
    min_size=1,
    max_size=3,
).map(tuple)


@settings(max_examples=120, deadline=None)
@given(st.data(), wide_clouds(), st.sampled_from(list(Strategy)))
def test_a_wish_never_refuses(
    data: st.DataObject, cloud: list[PlainHost], strategy: Strategy
) -> None:
    clock = TurnedClock()
    tree = tree_of(cloud, clock)
    clock.turn(2 * SUMMARY_SECONDS)
    plain = msgspec.structs.replace(data.draw(demands("vm")), strategy=strategy, dry_run=True)
    wishing = msgspec.structs.replace(plain, wishes=data.draw(WISHES))
    without = at_once(tree.root.place(plain))
    with_them = at_once(tree.root.place(wishing))
    assert isinstance(with_them, Placement) == isinstance(without, Placement)


def a_tree_of_zones() -> tuple[Tree, TurnedClock]:
    """Twelve hosts, one in three in z1: leaves of one zone each, under the root. A branch between
    would be asked for having such hosts, though they were full."""
    clock = TurnedClock()
    tree = Tree(clock, Random(1), TreeShape(leaf_hosts_max=2, fan_out_max=8))
    for number in range(12):
        tree.put_host(a_view(f"h{number}", zone_id=f"z{number % 3}"))
        tree.report(an_inventory(f"h{number}", memory_mib=4096))
    return tree, clock


@pytest.mark.parametrize("strategy", list(Strategy))
def test_a_zone_that_is_wished_for_is_filled_before_any_other(strategy: Strategy) -> None:
    tree, clock = a_tree_of_zones()
    zones = Counter[str]()
    for number in range(24):
        clock.turn(SUMMARY_SECONDS)
        demand = a_demand(f"vm-{number}", gib=0, strategy=strategy, wishes=(Wish(ZONE, "z1"),))
        host_id = placed(at_once(tree.root.place(demand))).host_id
        zones[f"z{int(host_id[1:]) % 3}"] += 1
        if number < 16:  # four hosts of 4 GiB
            assert set(zones) == {"z1"}
    assert zones["z1"] == 16


def test_the_host_that_meets_most_wishes_is_taken() -> None:
    leaf = a_leaf(
        an_inventory("h1", networks=("n1",), memory_mib=65536),
        an_inventory("h2", networks=("n1", "n2")),
        an_inventory("h3", networks=()),
    )
    wishes = tuple(Wish(AffinityKind.PORT_GROUP, name) for name in ("n1", "n2", "n3"))
    answer = placed(at_once(leaf.place(a_demand(wishes=wishes))))
    assert answer.host_id == "h2"
    assert dict(answer.why[0].parts)["wishes_met"] == -1.0


@pytest.mark.parametrize(
    "wish", [Wish(AffinityKind.DATASTORE, "small"), Wish(AffinityKind.DATASTORE_TYPE, "ssd")]
)
def test_of_several_datastores_the_one_that_is_wished_for_is_taken_while_it_has_room(
    wish: Wish,
) -> None:
    stores = [a_datastore("large", 100), a_datastore("small", 15, tags=["SSD"])]
    leaf = a_leaf(an_inventory("h1", datastores=stores))
    chosen = [
        placed(at_once(leaf.place(a_demand(f"vm-{number}", wishes=(wish,))))).datastore_id
        for number in range(2)
    ]
    assert chosen == ["small", "large"]
