"""What is said to fit is what then fits, and asking changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, DiskDemand, Placement, Reason, ReasonCount, Strategy
from photon.domain.fits import (
    FITS_MAX,
    Capacity,
    Fits,
    Reach,
    SharedRoom,
)
from photon.domain.guest import HostDatastore
from photon.scheduler.capacity import REACHES_MAX, added, capacity_of
from photon.scheduler.leaf import Leaf
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
    refused,
)
from tests.scheduler.reference import PlainHost
from tests.scheduler.test_choice import demands, leaf_of
from tests.scheduler.test_tree import tree_of, wide_clouds

STRATEGIES = st.sampled_from(list(Strategy))


def capacity(node: Tree | Leaf, demand: Demand) -> Capacity:
    top = node.root if isinstance(node, Tree) else node
    return capacity_of(at_once(top.fits(demand)))


def placed_until_refused(
    node: Tree | Leaf, demand: Demand, clock: TurnedClock
) -> tuple[int, Sequence[ReasonCount]]:
    top = node.root if isinstance(node, Tree) else node
    for number in range(2_000):
        clock.turn(SUMMARY_SECONDS / 500)  # far from the end of any lease
        answer = at_once(top.place(numbered(demand, number)))
        if not isinstance(answer, Placement):
            clock.turn(SUMMARY_SECONDS)
            answer = at_once(top.place(numbered(demand, number)))
        if not isinstance(answer, Placement):
            return number, answer.reasons
    raise AssertionError("it never filled up")


def numbered(demand: Demand, number: int) -> Demand:
    disks = tuple(
        DiskDemand(f"n{number}-{disk.id}", disk.capacity_gib, disk.datastore_tags)
        for disk in demand.disks
    )
    return msgspec.structs.replace(demand, id=f"n{number}", disks=disks)


def some_demand(data: st.DataObject) -> Demand:
    """It costs something of a host, or there would be no end to it."""
    drawn = data.draw(demands("vm"))
    return msgspec.structs.replace(
        drawn,
        cpus=max(drawn.cpus, 1),
        hosts_excluded=frozenset(),
        strategy=data.draw(STRATEGIES),
    )


@settings(max_examples=120, deadline=None)
@given(st.data(), wide_clouds())
def test_in_a_quiet_cloud_as_many_fit_as_were_said_to(
    data: st.DataObject, cloud: list[PlainHost]
) -> None:
    clock = TurnedClock()
    tree = tree_of(cloud, clock)
    for number in range(data.draw(st.integers(0, 5))):
        at_once(tree.root.place(numbered(data.draw(demands("x")), -1 - number)))
    clock.turn(2 * SUMMARY_SECONDS)
    demand = some_demand(data)
    said = capacity(tree, demand)
    count, _ = placed_until_refused(tree, demand, clock)
    assert said.refusal.hosts_asked == len(cloud)
    assert sum(each.hosts for each in said.refusal.reasons) == len(cloud)
    if said.exact:
        assert said.count == count
    elif len(demand.disks) < 2:
        assert said.count >= count
    assert tree.audit() == []


@settings(max_examples=60, deadline=None)
@given(st.data(), wide_clouds())
def test_what_was_said_to_run_out_is_what_the_first_refusal_names(
    data: st.DataObject, cloud: list[PlainHost]
) -> None:
    leaf = leaf_of(cloud)
    demand = some_demand(data)
    said = capacity(leaf, demand)
    count, reasons = placed_until_refused(leaf, demand, TurnedClock())
    if said.exact:
        assert said.count == count
        assert told(said.refusal.reasons) == told(reasons)


def told(reasons: Sequence[ReasonCount]) -> set[ReasonCount]:
    """Where a host has several datastores, what is left on the best of them is not worked out."""
    return {
        msgspec.structs.replace(each, best=None) if each.reason is Reason.TOO_LITTLE_DISK else each
        for each in reasons
    }


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_hosts_that_share_datastores_are_counted_once_for_them(data: st.DataObject) -> None:
    clock = TurnedClock()
    tree = Tree(clock, Random(1), TreeShape(leaf_hosts_max=2, fan_out_max=2))
    shared = [a_datastore(f"s{n}", data.draw(st.integers(0, 60)), type="VSAN") for n in range(3)]
    for number in range(data.draw(st.integers(1, 9))):
        id = f"h{number}"
        reached: list[HostDatastore] = data.draw(
            st.lists(st.sampled_from(shared), max_size=2, unique_by=lambda each: each.id)
        )
        if data.draw(st.booleans()):
            reached = [*reached, a_datastore(f"own-{id}", data.draw(st.integers(0, 30)))]
        tree.put_host(a_view(id, cpu_overcommit=1.0))
        tree.report(an_inventory(id, cpus=data.draw(st.integers(0, 6)), datastores=reached))
    demand = a_demand(gib=data.draw(st.integers(0, 9)), memory_mib=1)
    said = capacity(tree, demand)
    count, _ = placed_until_refused(tree, demand, clock)
    assert said.count >= count
    if said.exact:
        assert said.count == count


def test_what_runs_out_first_is_named_with_what_is_left_of_it() -> None:
    leaf = a_leaf(an_inventory("h1", memory_mib=5000), an_inventory("h2", memory_mib=9000, cpus=0))
    said = capacity(leaf, a_demand(memory_mib=2048, gib=0))
    assert said.count == 2
    assert set(said.refusal.reasons) == {
        ReasonCount(Reason.TOO_LITTLE_MEMORY, 1, 2048, 904),
        ReasonCount(Reason.TOO_LITTLE_CPU, 1, 1, 0),
    }


def test_asking_how_many_fit_holds_nothing() -> None:
    clock = TurnedClock()
    tree = Tree(clock, Random(1), TreeShape(leaf_hosts_max=1, fan_out_max=2))
    for number in range(3):
        tree.put_host(a_view(f"h{number}"))
        tree.report(an_inventory(f"h{number}"))
    first = capacity(tree, a_demand())
    assert first == capacity(tree, a_demand())
    assert first.count == 3 * 8
    assert not any(tree.held(f"h{number}") for number in range(3))


@settings(max_examples=60, deadline=None)
@given(st.data(), wide_clouds())
def test_a_dry_run_says_what_would_be_done_and_does_nothing(
    data: st.DataObject, cloud: list[PlainHost]
) -> None:
    clock = TurnedClock()
    tree = tree_of(cloud, clock)
    clock.turn(2 * SUMMARY_SECONDS)
    demand = data.draw(demands("vm"))
    asked = msgspec.structs.replace(demand, dry_run=True)
    dry = [at_once(tree.root.place(asked)) for _ in range(2)]
    assert not any(tree.held(host.view.id) for host in cloud)
    real = at_once(tree.root.place(demand))
    assert {isinstance(each, Placement) for each in dry} == {isinstance(real, Placement)}
    assert tree.audit() == []


def test_a_dry_run_over_one_leaf_names_the_host_that_is_then_taken() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2", memory_mib=16384))
    dry = placed(at_once(leaf.place(a_demand(dry_run=True))))
    assert placed(at_once(leaf.place(a_demand()))) == dry
    refused(at_once(leaf.place(a_demand("large", memory_mib=65536, dry_run=True))))


# --- room that is shared, as numbers alone -------------------------------------------------------


def a_reach(ids: str, by_hosts: int, *, hosts: int = 2, mixed: bool = False) -> Reach:
    reasons = (ReasonCount(Reason.TOO_LITTLE_CPU, hosts, 1, 0),)
    return Reach(tuple(ids), hosts, by_hosts, reasons, mixed)


def rooms(**counts: int) -> tuple[SharedRoom, ...]:
    return tuple(SharedRoom(id, count, 10, count * 10 + 3) for id, count in counts.items())


def test_who_may_choose_leaves_room_to_those_who_may_not() -> None:
    fits = Fits(4, 0, (), (a_reach("ab", 5), a_reach("a", 5)), rooms(a=5, b=5))
    assert capacity_of(fits).count == 10
    assert not capacity_of(fits).exact
    chain = (a_reach("ab", 3), a_reach("bc", 3), a_reach("cd", 3), a_reach("a", 3))
    assert capacity_of(Fits(8, 1, (), chain, rooms(a=3, b=3, c=3, d=3))).count == 13


def test_hosts_that_lack_shared_room_say_so_and_others_say_what_they_lack() -> None:
    fits = Fits(4, 0, (), (a_reach("a", 5), a_reach("b", 5)), rooms(a=2, b=9))
    assert capacity_of(fits).refusal.reasons == (
        ReasonCount(Reason.TOO_LITTLE_CPU, 2, 1, 0),
        ReasonCount(Reason.TOO_LITTLE_DISK, 2, 10, 3),
    )


def test_room_that_two_leaves_tell_of_is_counted_once_and_hosts_twice() -> None:
    leaf = Fits(2, 1, (), (a_reach("a", 5),), rooms(a=7))
    both = added([leaf, leaf])
    assert both.reaches == (Reach(("a",), 4, 10, (ReasonCount(Reason.TOO_LITTLE_CPU, 4, 1, 0),)),)
    assert capacity_of(both).count == 2 + 7


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 9)), max_size=150))
def test_however_many_reaches_there_are_an_answer_is_bounded(
    drawn: list[tuple[int, int]],
) -> None:
    parts = [
        Fits(1, 0, (), (Reach((f"d{n}",), 1, count, ()),), (SharedRoom(f"d{n}", count, 1, count),))
        for n, count in drawn
    ]
    fits = added(parts)
    assert len(fits.reaches) <= REACHES_MAX
    assert len(fits.rooms) <= REACHES_MAX
    assert fits.hosts_asked == len(drawn)


def test_what_costs_nothing_fits_without_end() -> None:
    free = a_demand(cpus=0, memory_mib=0, gib=0)
    assert capacity(a_leaf(an_inventory("h1")), free).count == FITS_MAX


def test_disks_that_only_fit_apart_with_one_on_a_shared_datastore_are_not_said_to_be_exact() -> (
    None
):
    stores = [a_datastore("own", 1), a_datastore("shared", 1, type="VSAN")]
    leaf = a_leaf(an_inventory(datastores=stores))
    demand = a_demand(disks=(DiskDemand("a", 1), DiskDemand("b", 1)))
    assert not capacity(leaf, demand).exact
    placed(at_once(leaf.place(demand)))
