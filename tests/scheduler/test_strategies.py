"""Spread or pack, and what is kept for guests of hosts that fail."""

from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, NoPlacement, Placement, Reason, ReasonCount, Strategy
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import Policy
from photon.scheduler.tree import Tree, TreeShape
from tests.scheduler.cloud import (
    TurnedClock,
    a_demand,
    a_guest,
    a_leaf,
    a_view,
    an_inventory,
    at_once,
    placed,
    refused,
)
from tests.scheduler.reference import PlainHost, score, why_not
from tests.scheduler.test_choice import clouds, demands, leaf_of

FLAVORS = ((1, 2048), (2, 4096), (4, 16384), (8, 32768))


def to_pack(id: str, memory_mib: int, cpus: int = 1) -> Demand:
    return a_demand(id, cpus=cpus, memory_mib=memory_mib, gib=0, strategy=Strategy.PACK)


def test_packing_takes_the_fullest_host_that_has_room() -> None:
    leaf = a_leaf(
        an_inventory("h1"),
        an_inventory("h2", guests=[a_guest("g2", memory_mib=4096, gib=0)]),
        an_inventory("h3", guests=[a_guest("g3", memory_mib=7000, gib=0)]),
    )
    assert placed(at_once(leaf.place(to_pack("a", 1024)))).host_id == "h3"
    assert placed(at_once(leaf.place(to_pack("b", 1024)))).host_id == "h2"
    assert placed(at_once(leaf.place(to_pack("c", 8192)))).host_id == "h1"


@settings(max_examples=60, deadline=None)
@given(st.data(), clouds())
def test_packing_places_what_spreading_could_and_best_fits(
    data: st.DataObject, cloud: list[PlainHost]
) -> None:
    demand = msgspec.structs.replace(data.draw(demands("vm")), strategy=Strategy.PACK)
    answer = at_once(leaf_of(cloud).place(demand))
    whole = [each for each in cloud if why_not(each, demand) is None]
    if whole and (demand.cpus or demand.memory_mib):
        host = next(each for each in whole if each.view.id == placed(answer).host_id)
        assert score(host, demand) <= min(score(each, demand) for each in whole) + 1e-9


def placed_until_refused(node: Tree | Leaf, hosts: int, clock: TurnedClock) -> int:
    """MiB placed of mixed flavors until the first refusal."""
    random, sum_mib = Random(8), 0
    for number in range(hosts):
        node.put_host(a_view(f"h{number:03d}", cpu_overcommit=2.0))
        node.report(an_inventory(f"h{number:03d}", cpus=32, memory_mib=131_072))
    top = node.root if isinstance(node, Tree) else node
    for number in range(hosts * 100):
        clock.turn(0.001)
        cpus, memory_mib = random.choice(FLAVORS)
        if isinstance(at_once(top.place(to_pack(f"vm-{number}", memory_mib, cpus))), NoPlacement):
            return sum_mib
        sum_mib += memory_mib
    raise AssertionError("it never filled up")


def test_a_tree_packs_nearly_as_much_as_the_best_fit_over_all_hosts() -> None:
    clock = TurnedClock()
    alone = placed_until_refused(Leaf(clock), 60, clock)
    tree = Tree(clock, Random(2), TreeShape(leaf_hosts_max=8, fan_out_max=4))
    assert placed_until_refused(tree, 60, clock) >= 0.97 * alone
    assert tree.audit() == []


def test_a_tree_that_packs_fills_one_leaf_before_the_next() -> None:
    clock = TurnedClock()
    tree = Tree(clock, Random(2), TreeShape(leaf_hosts_max=2, fan_out_max=4))
    for number in range(8):
        tree.put_host(a_view(f"h{number}"))
        tree.report(an_inventory(f"h{number}"))
    for number in range(16):
        clock.turn(0.1)
        placed(at_once(tree.root.place(to_pack(f"vm-{number}", 1024))))
    assert sum(bool(tree.held(f"h{number}")) for number in range(8)) == 2


# --- failover ------------------------------------------------------------------------------------


def test_what_is_kept_for_failover_is_for_guests_of_failed_hosts_alone() -> None:
    leaf = Leaf(TurnedClock(), Policy(failover_share=0.25))
    leaf.put_host(a_view())
    leaf.report(an_inventory(memory_mib=8192))
    placed(at_once(leaf.place(a_demand("a", memory_mib=6144))))
    answer = refused(at_once(leaf.place(a_demand("b", memory_mib=1024))))
    assert answer.reasons == (ReasonCount(Reason.TOO_LITTLE_MEMORY, 1, 1024, 0),)
    placed(at_once(leaf.place(a_demand("c", memory_mib=2048, failover=True))))
    answer = refused(at_once(leaf.place(a_demand("d", memory_mib=1, failover=True))))
    assert answer.reasons == (ReasonCount(Reason.TOO_LITTLE_MEMORY, 1, 1, 0),)
    assert leaf.audit() == []


@settings(max_examples=40, deadline=None)
@given(st.floats(0, 0.9), st.lists(st.tuples(st.integers(1, 3000), st.booleans()), max_size=30))
def test_usual_guests_leave_the_share_free_on_each_host_of_a_tree(
    share: float, guests: list[tuple[int, bool]]
) -> None:
    clock = TurnedClock()
    shape = TreeShape(leaf_hosts_max=1, fan_out_max=2)
    tree = Tree(clock, Random(1), shape, Policy(failover_share=share))
    for number in range(3):
        tree.put_host(a_view(f"h{number}"))
        tree.report(an_inventory(f"h{number}", memory_mib=4096))
    usual = dict.fromkeys(["h0", "h1", "h2"], 0)
    every = dict(usual)
    for number, (memory_mib, failover) in enumerate(guests):
        clock.turn(1.0)
        demand = a_demand(f"vm-{number}", memory_mib=memory_mib, gib=0, failover=failover)
        answer = at_once(tree.root.place(demand))
        if isinstance(answer, Placement):
            every[answer.host_id] += memory_mib
            if not failover:
                usual[answer.host_id] += memory_mib
        elif failover:
            assert all(used + memory_mib > 4096 for used in every.values())
    assert all(used <= 4096 * (1 - share) for used in usual.values())
    assert all(used <= 4096 for used in every.values())


# --- why -----------------------------------------------------------------------------------------


def test_a_placement_tells_how_each_level_chose() -> None:
    tree = Tree(TurnedClock(), Random(1), TreeShape(leaf_hosts_max=2, fan_out_max=2))
    for number in range(7):
        tree.put_host(a_view(f"h{number}", zone_id=f"z{number % 2}"))
        tree.report(an_inventory(f"h{number}", images=["abc"]))
    answer = placed(
        at_once(
            tree.root.place(a_demand(zone_id="z1", memory_mib=4096, cpus=0, image_checksum="abc"))
        )
    )
    leaf, *above = answer.why
    assert (leaf.chosen, leaf.seen, leaf.score) == (answer.host_id, 2, answer.score)
    assert leaf.fitting == 2, "its leaf has hosts of one zone alone"
    parts = dict(leaf.parts)
    assert parts == {"room_left": 0.5, "image_is_there": Policy().image_bonus}
    assert len(above) == 2
    assert all(level.fitting <= level.seen <= 2 and level.asked == 1 for level in above)
    assert above[-1].score == 1.0


def test_a_placement_that_is_answered_again_tells_the_leaf_s_choice_again() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2"))
    first = placed(at_once(leaf.place(a_demand())))
    again = placed(at_once(leaf.place(a_demand())))
    assert again == first
    assert again.why
