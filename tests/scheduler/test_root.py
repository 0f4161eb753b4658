"""The root asks children that should have room, and tells what all of them said."""

from __future__ import annotations

from random import Random

import pytest

from photon.domain.demand import Demand, NoPlacement, Placement, Reason, ReasonCount
from photon.domain.guest import AgentRefusal
from photon.scheduler.branch import UNLIKELY_TRIES_MAX
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import SUMMARY_SECONDS
from photon.scheduler.root import Root
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


class CountingLeaf:
    """A leaf that knows how often it was asked."""

    def __init__(self, leaf: Leaf) -> None:
        self.leaf = leaf
        self.asked = 0
        self.hold, self.confirm, self.release = leaf.hold, leaf.confirm, leaf.release
        self.refused, self.summary, self.owns = leaf.refused, leaf.summary, leaf.owns
        self.fits = leaf.fits

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        self.asked += 1
        return await self.leaf.place(demand)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


def leaves(clock: TurnedClock, count: int, memory_mib: int = 8192) -> list[CountingLeaf]:
    return [
        CountingLeaf(a_leaf(an_inventory(f"h{number}", memory_mib=memory_mib), clock=clock))
        for number in range(count)
    ]


def in_zone(clock: TurnedClock, id: str, zone_id: str) -> CountingLeaf:
    leaf = Leaf(clock)
    leaf.put_host(a_view(id, zone_id=zone_id))
    leaf.report(an_inventory(id))
    return CountingLeaf(leaf)


def test_one_leaf_s_answer_is_the_root_s() -> None:
    (leaf,) = leaves(TurnedClock(), 1)
    root = Root([leaf], Random(1))
    assert placed(at_once(root.place(a_demand()))).host_id == "h0"
    assert refused(at_once(root.place(a_demand("vm-2", memory_mib=9000)))).hosts_asked == 1


def test_a_child_whose_summary_rules_it_out_is_asked_last(clock: TurnedClock) -> None:
    z1, z2 = in_zone(clock, "h1", "z1"), in_zone(clock, "h2", "z2")
    root = Root([z1, z2], Random(1), clock)
    for number in range(4):
        answer = at_once(root.place(a_demand(f"vm-{number}", zone_id="z2")))
        assert placed(answer).host_id == "h2"
    assert z1.asked == 0


def test_a_refusal_counts_every_host_once_of_children_asked_or_not(clock: TurnedClock) -> None:
    children = leaves(clock, UNLIKELY_TRIES_MAX + 3)
    root = Root(children, Random(1), clock)
    answer = refused(at_once(root.place(a_demand(memory_mib=9000))))
    hosts = UNLIKELY_TRIES_MAX + 3
    assert answer.hosts_asked == hosts
    assert answer.reasons == (ReasonCount(Reason.TOO_LITTLE_MEMORY, hosts, 9000, 8192),)
    assert sum(child.asked for child in children) == UNLIKELY_TRIES_MAX


def test_the_best_of_all_children_is_told(clock: TurnedClock) -> None:
    children = [*leaves(clock, 1, 2048), in_zone(clock, "x", "z1")]
    answer = refused(at_once(Root(children, Random(1), clock).place(a_demand(memory_mib=9000))))
    assert answer.reasons == (ReasonCount(Reason.TOO_LITTLE_MEMORY, 2, 9000, 8192),)


def test_a_child_that_has_room_again_is_asked_though_its_summary_is_old(
    clock: TurnedClock,
) -> None:
    full = an_inventory("h1", guests=[a_guest("g", memory_mib=8192)])
    children = [CountingLeaf(a_leaf(full, clock=clock)), *leaves(clock, 1, 512)]
    root = Root(children, Random(1), clock)
    refused(at_once(root.place(a_demand())))
    at_once(root.release("g", "h1"))
    assert placed(at_once(root.place(a_demand()))).host_id == "h1"


def test_a_demand_that_is_held_is_answered_by_the_child_that_holds_it(clock: TurnedClock) -> None:
    root = Root(leaves(clock, 8), Random(1), clock)
    first = [placed(at_once(root.place(a_demand(f"vm-{n}")))).host_id for n in range(8)]
    again = [placed(at_once(root.place(a_demand(f"vm-{n}")))).host_id for n in range(8)]
    assert again == first


def test_after_a_refusal_another_child_is_found(clock: TurnedClock) -> None:
    root = Root(leaves(clock, 3), Random(1), clock)
    seen: set[str] = set()
    for _ in range(3):
        demand = a_demand(hosts_excluded=frozenset(seen))
        placement = placed(at_once(root.place(demand)))
        assert placement.host_id not in seen
        at_once(root.refused(placement, AgentRefusal.NOT_ENOUGH_MEMORY))
        seen.add(placement.host_id)
    answer = refused(at_once(root.place(a_demand(hosts_excluded=frozenset(seen)))))
    assert answer.reasons == (ReasonCount(Reason.EXCLUDED, 3),)


def test_a_host_s_calls_reach_the_leaf_that_has_it(clock: TurnedClock) -> None:
    children = leaves(clock, 3)
    demand = a_demand()
    placement = placed(at_once(Root(children, Random(1), clock).place(demand)))
    leaf = next(child.leaf for child in children if child.owns(placement.host_id))
    # Another root, as after a restart: it has placed nothing itself.
    root = Root(children, Random(2), clock)
    at_once(root.hold(demand, placement))
    at_once(root.confirm(demand, placement))
    assert "vm-1" in leaf.held(placement.host_id)
    assert placed(at_once(root.place(demand))).host_id == placement.host_id
    at_once(root.release("vm-1", placement.host_id))
    assert "vm-1" not in leaf.held(placement.host_id)


def test_children_are_filled_evenly_between_two_summaries(clock: TurnedClock) -> None:
    children = leaves(clock, 4, memory_mib=102400)
    root = Root(children, Random(7), clock)
    for number in range(200):
        placed(at_once(root.place(a_demand(f"vm-{number}", gib=0))))
    assert all(48 <= child.asked <= 52 for child in children)


def test_a_new_summary_says_what_a_child_was_given_before(clock: TurnedClock) -> None:
    z1, z2 = in_zone(clock, "h1", "z1"), in_zone(clock, "h2", "z2")
    root = Root([z1, z2], Random(7), clock)
    for number in range(6):
        placed(at_once(root.place(a_demand(f"vm-{number}", zone_id="z1"))))
        at_once(root.release(f"vm-{number}", "h1"))
    clock.turn(SUMMARY_SECONDS)
    for number in range(6):
        placed(at_once(root.place(a_demand(f"next-{number}"))))
    assert (z1.asked, z2.asked) == (6 + 3, 3)


def test_the_same_seed_chooses_the_same_children() -> None:
    def run(seed: int) -> list[str]:
        clock = TurnedClock()
        root = Root(leaves(clock, 8), Random(seed), clock)
        return [placed(at_once(root.place(a_demand(f"vm-{n}")))).host_id for n in range(16)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_a_summary_is_made_anew_at_most_once_a_while_and_only_after_a_change(
    clock: TurnedClock,
) -> None:
    leaf = a_leaf(an_inventory(), clock=clock)
    first = leaf.summary()
    clock.turn(SUMMARY_SECONDS)
    assert leaf.summary() is first
    placed(at_once(leaf.place(a_demand(memory_mib=4096))))
    second = leaf.summary()
    assert (second.largest_memory_mib, second.hosts, second.free_cpus) == (4096, 1, 63)
    at_once(leaf.release("vm-1", "h1"))
    assert leaf.summary() is second
    clock.turn(SUMMARY_SECONDS)
    assert leaf.summary().largest_memory_mib == 8192
