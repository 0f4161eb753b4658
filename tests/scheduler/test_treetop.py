"""One controller's part of the tree: leaves come, go and change hands, and no hold is lost."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from photon.domain.demand import Demand, GroupRule, Placement
from photon.scheduler.branch import Branch
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.scheduler.treetop import MINE, TreeTop
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_leaf,
    a_view,
    an_inventory,
    at_once,
    placed,
    refused,
)

SMALL = TreeShape(leaf_hosts_max=4, fan_out_max=2)


def a_top(clock: TurnedClock | None = None, leaves: int = 2) -> TreeTop:
    top = TreeTop(clock or TurnedClock(), Random(1), SMALL)
    for number in range(leaves):
        top.build(f"leaf-{number}")
        top.open(f"leaf-{number}")
    return top


def add_host(top: TreeTop, id: str, leaf_id: str) -> None:
    top.seat(id, leaf_id)
    top.put_host(a_view(id))
    assert top.report(an_inventory(id, datastores=[a_datastore("shared", 100)]))


def test_a_host_that_moves_takes_its_holds_its_leases_and_its_room_with_it() -> None:
    clock = TurnedClock()
    top = a_top(clock)
    add_host(top, "h1", "leaf-0")
    placement = placed(at_once(top.root.place(a_demand("vm-1", gib=10))))
    confirmed = a_demand("vm-2", gib=10)
    at_once(top.root.confirm(confirmed, placed(at_once(top.root.place(confirmed)))))
    top.seat("h1", "leaf-1")
    assert set(top.held("h1")) == {"vm-1", "vm-2"}
    assert top.leaf("leaf-0") is not None
    assert not top.build("leaf-0").owns("h1")
    assert top.audit() == []
    again = placed(at_once(top.root.place(a_demand("vm-1", gib=10))))
    assert again.host_id == placement.host_id
    clock.turn(Policy().grace_seconds + 1)
    assert set(top.held("h1")) == {"vm-1"}, "no report has the confirmed one"
    clock.turn(Policy().lease_seconds + 1)
    assert top.held("h1") == {}
    assert top.audit() == []


def test_what_a_journal_held_in_the_new_leaf_already_is_held_once() -> None:
    top = a_top()
    add_host(top, "h1", "leaf-0")
    demand, stray = a_demand("vm-1"), a_demand("vm-2")
    placement = placed(at_once(top.root.place(demand)))
    at_once(top.build("leaf-1").hold(demand, placement))
    elsewhere = placed(at_once(a_leaf(an_inventory("h1")).place(stray)))
    at_once(top.build("leaf-1").hold(stray, elsewhere))
    top.seat("h1", "leaf-1")
    assert set(top.held("h1")) == {"vm-1", "vm-2"}
    assert top.audit() == []


def test_members_of_groups_are_still_kept_apart_after_their_host_has_moved() -> None:
    top = a_top()
    for number in range(2):
        add_host(top, f"h{number}", "leaf-0")

    def apart(id: str) -> Demand:
        return replace(a_demand(id), groups=frozenset({"g"}), rules=(GroupRule("g"),))

    first = placed(at_once(top.root.place(apart("vm-1"))))
    top.seat(first.host_id, "leaf-1")
    second = placed(at_once(top.root.place(apart("vm-2"))))
    assert second.host_id != first.host_id
    refused(at_once(top.root.place(apart("vm-3"))))
    assert top.audit() == []


def test_only_what_is_not_made_yet_is_a_promise() -> None:
    top = a_top(leaves=1)
    add_host(top, "h1", "leaf-0")
    promised, made = a_demand("vm-1"), a_demand("vm-2")
    placement = placed(at_once(top.root.place(promised)))
    at_once(top.root.confirm(made, placed(at_once(top.root.place(made)))))
    ((demand, again),) = top.promises("leaf-0")
    assert demand == promised
    assert (again.host_id, again.disks) == (placement.host_id, placement.disks)
    assert top.promises("leaf-0", "h1") == [(demand, again)]
    assert top.promises("no such leaf") == []


def test_a_leaf_that_is_built_is_not_asked_before_it_is_opened() -> None:
    top = a_top(leaves=0)
    top.build("leaf-9")
    add_host(top, "h1", "leaf-9")
    refused(at_once(top.root.place(a_demand())))
    top.open("leaf-9")
    placed(at_once(top.root.place(a_demand())))
    top.close("leaf-9")
    refused(at_once(top.root.place(a_demand("other"))))


def test_others_leaves_hang_below_a_branch_for_each_controller() -> None:
    top = a_top(leaves=2)
    far = [a_leaf(an_inventory(f"far-{number}")) for number in range(3)]
    for number, leaf in enumerate(far):
        top.reach(f"far-{number}", "controller b" if number else "controller c", leaf)
    assert {name for name, _ in top.root.branch.named_children()} == {
        MINE,
        "controller b",
        "controller c",
    }
    assert top.answering("far-1") == "controller b"
    for number in range(3):
        top.close(f"far-{number}")
    assert [name for name, _ in top.root.branch.named_children()] == [MINE]


def test_what_was_placed_is_known_still_when_the_first_other_controller_comes() -> None:
    top = a_top(leaves=2)
    for number in range(4):
        add_host(top, f"h{number}", f"leaf-{number % 2}")
    where = {
        f"vm-{n}": placed(at_once(top.root.place(a_demand(f"vm-{n}", gib=1)))) for n in range(8)
    }
    top.reach("far", "controller b", a_leaf(an_inventory("far")))
    for id, before in where.items():
        assert placed(at_once(top.root.place(a_demand(id, gib=1)))).host_id == before.host_id


def test_a_leaf_that_goes_is_forgotten_with_its_hosts() -> None:
    top = a_top()
    add_host(top, "h1", "leaf-0")
    placed(at_once(top.root.place(a_demand())))
    assert list(top.drop("leaf-0")) == ["h1"]
    assert top.leaf_of("h1") is None
    assert not top.report(an_inventory("h1"))
    refused(at_once(top.root.place(a_demand("other"))))
    assert top.audit() == []
    assert list(top.drop("leaf-0")) == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["seat", "place", "release", "open", "close", "drop"]),
            st.integers(0, 3),
            st.integers(0, 5),
        ),
        max_size=60,
    )
)
def test_however_leaves_and_hosts_change_hands_the_books_add_up(
    steps: list[tuple[str, int, int]],
) -> None:
    top = a_top(leaves=4)
    held: dict[str, Placement] = {}
    for count, (what, leaf, host) in enumerate(steps):
        leaf_id, host_id = f"leaf-{leaf}", f"h{host}"
        match what:
            case "seat":
                top.build(leaf_id)
                new = top.leaf_of(host_id) is None
                top.seat(host_id, leaf_id)
                if new:
                    add_host(top, host_id, leaf_id)
            case "place":
                answer = at_once(top.root.place(a_demand(f"vm-{count}", gib=1)))
                if isinstance(answer, Placement):
                    held[answer.demand_id] = answer
            case "release" if held:
                gone = held.pop(next(iter(held)))
                at_once(top.root.release(gone.demand_id, gone.host_id))
            case "open":
                top.build(leaf_id)
                top.open(leaf_id)
            case "close":
                top.close(leaf_id)
            case "drop":
                lost = set(top.drop(leaf_id))
                held = {id: each for id, each in held.items() if each.host_id not in lost}
        assert top.audit() == []
    for id, placement in held.items():
        if top.answering(top.leaf_of(placement.host_id) or "") is not None:
            assert id in top.held(placement.host_id)


@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 17])
def test_a_tree_is_as_deep_as_its_leaves_need(count: int) -> None:
    top = a_top(leaves=count)

    def depth(branch: Branch) -> int:
        assert len(branch) <= SMALL.fan_out_max
        below = [depth(child) for child in branch.children() if isinstance(child, Branch)]
        assert not below or not any(isinstance(child, Leaf) for child in branch.children())
        return 1 + max(below, default=0)

    levels = depth(top.root.branch)
    assert SMALL.fan_out_max ** (levels - 1) < count or levels == 1


def test_a_leaf_that_leaves_takes_what_it_held_of_hosts_it_knew_by_name_alone() -> None:
    top = a_top()
    add_host(top, "h1", "leaf-0")
    grouped = replace(a_demand("vm-1", gib=10), groups=frozenset({"g"}))
    placement = placed(at_once(a_leaf(an_inventory("h2")).place(grouped)))
    shared = replace(
        placement, disks=tuple(replace(disk, datastore_id="shared") for disk in placement.disks)
    )
    at_once(top.build("leaf-1").hold(grouped, shared))
    assert not top.drop("leaf-1")
    assert top.audit() == []
    placed(at_once(top.root.place(a_demand("vm-2", gib=100))))
