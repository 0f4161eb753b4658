"""A tree answers as one leaf over all its hosts would, and keeps its shape."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.host import HostState, UsageTag
from photon.scheduler.branch import Branch
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
from tests.scheduler.reference import PlainHost, fits_apart, why_not
from tests.scheduler.test_choice import demands, hold, hosts

SMALL = TreeShape(leaf_hosts_max=2, fan_out_max=2)


def a_tree(
    clock: TurnedClock | None = None,
    shape: TreeShape = SMALL,
    seed: int = 1,
    count: int = 0,
    memory_mib: int = 8192,
) -> Tree:
    tree = Tree(clock or TurnedClock(), Random(seed), shape)
    for number in range(count):
        add_host(tree, f"h{number:03d}", memory_mib)
    return tree


def add_host(tree: Tree, id: str, memory_mib: int = 8192) -> None:
    tree.put_host(a_view(id))
    assert tree.report(an_inventory(id, memory_mib=memory_mib))


def branches(branch: Branch) -> list[Branch]:
    below = [child for child in branch.children() if isinstance(child, Branch)]
    return [branch, *(each for child in below for each in branches(child))]


def leaves(tree: Tree) -> list[Leaf]:
    children = [child for branch in branches(tree.root.branch) for child in branch.children()]
    return [child for child in children if isinstance(child, Leaf)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 24)), max_size=60))
def test_however_hosts_come_and_go_no_node_has_too_many_children(
    moves: list[tuple[bool, int]],
) -> None:
    tree = a_tree()
    there: set[str] = set()
    for comes, number in moves:
        id = f"h{number}"
        if comes:
            add_host(tree, id) if id not in there else tree.put_host(a_view(id))
            there.add(id)
        else:
            tree.remove_host(id)
            there.discard(id)
        assert all(len(branch) <= SMALL.fan_out_max for branch in branches(tree.root.branch))
        assert max(tree.leaf_sizes(), default=0) <= SMALL.leaf_hosts_max
        assert sum(tree.leaf_sizes()) == len(there)
        assert len(leaves(tree)) == len(tree.leaf_sizes())
        assert 0 not in tree.leaf_sizes()
        owners = Counter(host for host in there for leaf in leaves(tree) if leaf.owns(host))
        assert owners == dict.fromkeys(there, 1)
    assert tree.audit() == []


def test_all_hosts_of_a_deep_tree_are_filled_and_then_the_refusal_counts_them() -> None:
    tree = a_tree(count=20, memory_mib=2048)
    answers = [placed(at_once(tree.root.place(a_demand(f"vm-{n}", gib=1)))) for n in range(40)]
    assert set(Counter(answer.host_id for answer in answers).values()) == {2}
    assert refused(at_once(tree.root.place(a_demand("more")))).hosts_asked == 20
    assert tree.audit() == []


def test_a_tree_that_grows_still_knows_what_it_placed_before() -> None:
    tree = a_tree()
    where: dict[str, str] = {}
    for number in range(20):
        add_host(tree, f"h{number:03d}")
        id = f"vm-{number}"
        where[id] = placed(at_once(tree.root.place(a_demand(id)))).host_id
        for each, host_id in where.items():
            assert placed(at_once(tree.root.place(a_demand(each)))).host_id == host_id
    held = [id for host in set(where.values()) for id in tree.held(host)]
    assert sorted(held) == sorted(where)


def test_what_a_journal_held_before_its_host_was_heard_is_held_there_once() -> None:
    clock = TurnedClock()
    demand = a_demand()
    placement = placed(at_once(a_leaf(an_inventory("late")).place(demand)))
    tree = a_tree(clock, count=9)
    tree.put_host(a_view("late"))
    at_once(tree.root.hold(demand, placement))
    add_host(tree, "late")
    assert "vm-1" in tree.held("late")
    assert placed(at_once(tree.root.place(demand))).host_id == "late"
    at_once(tree.root.confirm(demand, placement))
    at_once(tree.root.release("vm-1", "late"))
    assert tree.held("late") == {}
    assert tree.audit() == []


def test_room_on_a_datastore_is_promised_once_though_hosts_of_all_leaves_reach_it() -> None:
    clock = TurnedClock()
    tree = Tree(clock, Random(1), SMALL)
    for number in range(8):
        tree.put_host(a_view(f"h{number}"))
        tree.report(an_inventory(f"h{number}", datastores=[a_datastore("shared", 100)]))
    for number in range(10):
        placed(at_once(tree.root.place(a_demand(f"vm-{number}", memory_mib=1, gib=10))))
    refused(at_once(tree.root.place(a_demand("more", memory_mib=1, gib=10))))
    clock.turn(SUMMARY_SECONDS)
    refused(at_once(tree.root.place(a_demand("more", memory_mib=1, gib=10))))
    at_once(tree.root.release("vm-0", "h0"))
    for host in range(8):
        at_once(tree.root.release("vm-0", f"h{host}"))
    clock.turn(SUMMARY_SECONDS)
    placed(at_once(tree.root.place(a_demand("more", memory_mib=1, gib=10))))
    assert tree.audit() == []


def test_a_tree_hears_of_its_hosts_as_a_leaf_does() -> None:
    tree = a_tree(count=6)
    for number in range(5):
        tree.missing(f"h{number:03d}")
    assert placed(at_once(tree.root.place(a_demand("a")))).host_id == "h005"
    tree.set_state("h005", HostState.SUSPENDED, None, frozenset({UsageTag.CLOUD}))
    refused(at_once(tree.root.place(a_demand("b"))))
    tree.back("h002")
    assert placed(at_once(tree.root.place(a_demand("c")))).host_id == "h002"
    assert not tree.report(an_inventory("unknown"))
    tree.missing("unknown")
    tree.back("unknown")
    tree.remove_host("unknown")


def test_the_same_seed_makes_the_same_choices() -> None:
    def run(seed: int) -> list[str]:
        tree = a_tree(count=30, seed=seed)
        return [placed(at_once(tree.root.place(a_demand(f"vm-{n}")))).host_id for n in range(20)]

    assert run(1) == run(1)
    assert run(1) != run(2)


# --- against all hosts, one by one ---------------------------------------------------------------


@st.composite
def wide_clouds(draw: st.DrawFn) -> list[PlainHost]:
    return [draw(hosts(f"h{number}")) for number in range(draw(st.integers(1, 14)))]


def tree_of(cloud: list[PlainHost], clock: TurnedClock) -> Tree:
    tree = Tree(clock, Random(1), SMALL)
    for host in cloud:
        tree.put_host(host.view)
        tree.report(
            an_inventory(
                host.view.id,
                cpus=host.cpus,
                memory_mib=host.memory_mib,
                mode=host.mode,
                networks=host.networks,
                datastores=host.datastores.values(),
            )
        )
        if host.silent:
            tree.missing(host.view.id)
    return tree


def can_take(cloud: list[PlainHost], demand: Demand) -> bool:
    return any(why_not(host, demand) is None or fits_apart(host, demand) for host in cloud)


@settings(max_examples=150, deadline=None)
@given(st.data(), wide_clouds())
def test_in_a_quiet_cloud_nothing_is_refused_that_a_host_could_take(
    data: st.DataObject, cloud: list[PlainHost]
) -> None:
    clock = TurnedClock()
    tree = tree_of(cloud, clock)
    for number in range(data.draw(st.integers(1, 10))):
        demand = data.draw(demands(f"vm-{number}"))
        clock.turn(SUMMARY_SECONDS)
        answer = at_once(tree.root.place(demand))
        assert isinstance(answer, Placement) == can_take(cloud, demand), answer
        if isinstance(answer, Placement):
            host = next(each for each in cloud if each.view.id == answer.host_id)
            assert why_not(host, demand) is None or fits_apart(host, demand)
            hold(host, demand, answer)
        else:
            assert answer.hosts_asked == len(cloud) == sum(each.hosts for each in answer.reasons)
    assert tree.audit() == []


def test_in_a_busy_cloud_that_is_full_few_are_refused_that_a_host_could_take() -> None:
    """Room comes up at random and is asked for at once, five hundred times between two looks; it
    comes up by the hosts' reports, which the nodes above do not see."""
    clock, random = TurnedClock(), Random(3)
    tree = a_tree(clock, TreeShape(leaf_hosts_max=4, fan_out_max=8), count=128, memory_mib=4096)
    held: list[Placement] = []
    while isinstance(answer := at_once(tree.root.place(an_mib_demand(f"x{len(held)}"))), Placement):
        held.append(answer)
    wrongly = 0
    for number in range(2_000):
        clock.turn(SUMMARY_SECONDS / 500)
        gone = held.pop(random.randrange(len(held)))
        leaf = next(leaf for leaf in leaves(tree) if leaf.owns(gone.host_id))
        at_once(leaf.release(gone.demand_id, gone.host_id))
        answer = at_once(tree.root.place(an_mib_demand(f"vm-{number}")))
        if isinstance(answer, NoPlacement):
            wrongly += 1
            # Half the while for each of the two levels of branches, and the next second finds it.
            clock.turn(2 * SUMMARY_SECONDS)
            answer = at_once(tree.root.place(an_mib_demand(f"vm-{number}")))
        held.append(placed(answer))
    # One in thirty: with five tries of eight children there, and five of the four below each.
    assert wrongly <= 100


def test_room_that_was_given_back_through_the_root_is_found_at_once() -> None:
    clock, random = TurnedClock(), Random(3)
    tree = a_tree(clock, TreeShape(leaf_hosts_max=4, fan_out_max=8), count=128, memory_mib=4096)
    held: list[Placement] = []
    while isinstance(answer := at_once(tree.root.place(an_mib_demand(f"x{len(held)}"))), Placement):
        held.append(answer)
    for number in range(500):
        clock.turn(SUMMARY_SECONDS / 500)
        gone = held.pop(random.randrange(len(held)))
        at_once(tree.root.release(gone.demand_id, gone.host_id))
        held.append(placed(at_once(tree.root.place(an_mib_demand(f"vm-{number}")))))


def an_mib_demand(id: str) -> Demand:
    return a_demand(id, cpus=0, memory_mib=1024, gib=0)


def test_a_tree_spreads_nearly_as_evenly_as_one_leaf_over_all_hosts() -> None:
    """Sizes and leases at random; as `bench.place` measures with a thousand hosts."""

    def fullest(place: Tree | Leaf, clock: TurnedClock) -> float:
        random, used = Random(5), Counter[str]()
        node = place.root if isinstance(place, Tree) else place
        for number in range(200):
            place.put_host(a_view(f"h{number}"))
            place.report(an_inventory(f"h{number}", cpus=64, memory_mib=524_288))
        for number in range(6_000):
            clock.turn(0.001)
            memory_mib = random.choice([1024, 2048, 4096, 8192])
            demand = a_demand(f"vm-{number}", memory_mib=memory_mib, gib=0)
            used[placed(at_once(node.place(demand))).host_id] += memory_mib
        return max(used.values()) / (sum(used.values()) / 200)

    clock = TurnedClock()
    alone = fullest(Leaf(clock), clock)
    divided = fullest(Tree(clock, Random(2), TreeShape(leaf_hosts_max=16, fan_out_max=4)), clock)
    assert divided <= 1.10
    assert divided <= 1.05 * alone
