"""What every scheduler node does, wherever it is: one suite for leaf, branch and root, and for both
of the first behind a socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest

from photon.domain.demand import Affinity, DiskDemand, GroupRule, Level, Reason, ReasonCount
from photon.domain.guest import AgentRefusal
from photon.scheduler.branch import Branch
from photon.scheduler.capacity import capacity_of
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import (
    CONFIRMED_GRACE_SECONDS,
    RESERVATION_LEASE_SECONDS,
    SUMMARY_SECONDS,
)
from photon.scheduler.protocol import ChildNode, SchedulerNode
from photon.scheduler.remote import RemoteNode
from photon.scheduler.root import Root
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_guest,
    a_view,
    an_inventory,
    placed,
    refused,
)
from tests.scheduler.doors import as_remote, until

HOSTS = 4
HOST_MIB = 8192


@dataclass
class Scene:
    """A node over HOSTS hosts of HOST_MIB, two of them in each zone."""

    node: SchedulerNode
    leaves: list[Leaf]
    clock: TurnedClock

    def leaf_of(self, host_id: str) -> Leaf:
        return next(leaf for leaf in self.leaves if leaf.owns(host_id))

    def held(self, host_id: str) -> set[str]:
        return set(self.leaf_of(host_id).held(host_id))


def a_small_leaf(clock: TurnedClock, numbers: range) -> Leaf:
    leaf = Leaf(clock)
    for number in numbers:
        host_id = f"h{number}"
        leaf.put_host(a_view(host_id, zone_id=f"z{number % 2}"))
        stores = [a_datastore(f"{host_id}-a", 100, tags=["FAST"]), a_datastore(f"{host_id}-b", 200)]
        assert leaf.report(an_inventory(host_id, memory_mib=HOST_MIB, datastores=stores))
    return leaf


def a_branch(clock: TurnedClock, leaves: list[Leaf]) -> Branch:
    branch = Branch(Random(1), clock)
    for number, leaf in enumerate(leaves):
        branch.add(leaf, f"leaf-{number}")
    return branch


def leaf_alone(clock: TurnedClock) -> tuple[ChildNode, list[Leaf]]:
    leaf = a_small_leaf(clock, range(HOSTS))
    return leaf, [leaf]


def branch_of_two(clock: TurnedClock) -> tuple[ChildNode, list[Leaf]]:
    leaves = [a_small_leaf(clock, range(2)), a_small_leaf(clock, range(2, HOSTS))]
    return a_branch(clock, leaves), leaves


CHILDREN: dict[str, Callable[[TurnedClock], tuple[ChildNode, list[Leaf]]]] = {
    "leaf": leaf_alone,
    "branch": branch_of_two,
}


ROOTS = ("root", "root-of-remotes")
NODES = ("leaf", "branch", "remote-leaf", "remote-branch")


@asynccontextmanager
async def a_scene(kind: str) -> AsyncIterator[Scene]:
    clock = TurnedClock()
    async with AsyncExitStack() as stack:
        if kind in ROOTS:
            _, leaves = branch_of_two(clock)
            children: list[ChildNode] = list(leaves)
            if kind == "root-of-remotes":
                children = [await stack.enter_async_context(as_remote(leaf)) for leaf in leaves]
            yield Scene(Root(children, Random(1), clock), leaves, clock)
        else:
            node, leaves = CHILDREN[kind.removeprefix("remote-")](clock)
            if kind.startswith("remote-"):
                node = await stack.enter_async_context(as_remote(node))
            yield Scene(node, leaves, clock)


@pytest.fixture(params=[*NODES, *ROOTS])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with a_scene(request.param) as scene:
        yield scene


async def test_a_demand_is_held_where_it_was_placed(scene: Scene) -> None:
    placement = placed(await scene.node.place(a_demand()))
    assert placement.demand_id == "vm-1"
    assert placement.host_address == f"{placement.host_id}.example"
    assert placement.agent_endpoint == f"{placement.host_id}.example:8835"
    assert scene.held(placement.host_id) == {"vm-1"}


async def test_asked_again_it_answers_what_it_holds(scene: Scene) -> None:
    demand = a_demand(disks=(DiskDemand("a", 10, frozenset({"FAST"})), DiskDemand("b", 20)))
    first = placed(await scene.node.place(demand))
    again = placed(await scene.node.place(demand))
    assert (again.host_id, again.disks) == (first.host_id, first.disks)
    assert sum(len(scene.held(f"h{number}")) for number in range(HOSTS)) == 1


async def test_a_host_that_is_left_out_is_given_back(scene: Scene) -> None:
    seen: set[str] = set()
    for _ in range(HOSTS):
        placement = placed(await scene.node.place(a_demand(hosts_excluded=frozenset(seen))))
        assert placement.host_id not in seen
        await scene.node.refused(placement, AgentRefusal.BUSY)
        assert scene.held(placement.host_id) == set()
        seen.add(placement.host_id)
    answer = refused(await scene.node.place(a_demand(hosts_excluded=frozenset(seen))))
    assert answer.reasons == (ReasonCount(Reason.EXCLUDED, HOSTS),)


async def test_a_refusal_counts_the_hosts_of_each_reason(scene: Scene) -> None:
    answer = refused(await scene.node.place(a_demand(memory_mib=HOST_MIB + 1)))
    assert answer.hosts_asked == HOSTS
    count = ReasonCount(Reason.TOO_LITTLE_MEMORY, HOSTS, HOST_MIB + 1, HOST_MIB)
    assert answer.reasons == (count,)
    zoned = refused(await scene.node.place(a_demand(memory_mib=HOST_MIB + 1, zone_id="z1")))
    assert {each.reason: each.hosts for each in zoned.reasons} == {
        Reason.OTHER_ZONE: HOSTS // 2,
        Reason.TOO_LITTLE_MEMORY: HOSTS // 2,
    }


async def test_all_room_is_found_and_no_more(scene: Scene) -> None:
    fitting = HOSTS * HOST_MIB // 2048
    for number in range(fitting):
        placed(await scene.node.place(a_demand(f"vm-{number}", memory_mib=2048)))
    assert refused(await scene.node.place(a_demand("more", memory_mib=2048))).hosts_asked == HOSTS
    assert [problem for leaf in scene.leaves for problem in leaf.audit()] == []


async def test_it_tells_how_many_more_fit_and_holds_none_of_them(scene: Scene) -> None:
    demand = a_demand(memory_mib=2048, gib=30)
    placed(await scene.node.place(a_demand("vm-0", memory_mib=HOST_MIB)))
    capacity = capacity_of(await scene.node.fits(demand))
    assert (capacity.count, capacity.exact) == ((HOSTS - 1) * HOST_MIB // 2048, True)
    assert capacity.refusal.hosts_asked == HOSTS
    assert [each.reason for each in capacity.refusal.reasons] == [Reason.TOO_LITTLE_MEMORY]
    assert sum(len(scene.held(f"h{number}")) for number in range(HOSTS)) == 1


async def test_a_dry_run_answers_what_would_be_and_holds_nothing(scene: Scene) -> None:
    demand = a_demand(memory_mib=HOST_MIB, dry_run=True)
    hosts = {placed(await scene.node.place(demand)).host_id for _ in range(HOSTS + 1)}
    assert [scene.held(host_id) for host_id in hosts] == [set()] * len(hosts)
    refused(await scene.node.place(a_demand(memory_mib=HOST_MIB + 1, dry_run=True)))


async def test_what_is_released_is_found_at_once(scene: Scene) -> None:
    demands = [a_demand(f"vm-{number}", memory_mib=HOST_MIB) for number in range(HOSTS)]
    placements = [placed(await scene.node.place(demand)) for demand in demands]
    refused(await scene.node.place(a_demand("more", memory_mib=HOST_MIB)))
    await scene.node.release(placements[2].demand_id, placements[2].host_id)
    more = placed(await scene.node.place(a_demand("more", memory_mib=HOST_MIB)))
    assert more.host_id == placements[2].host_id


async def test_to_release_what_is_not_held_is_success(scene: Scene) -> None:
    placement = placed(await scene.node.place(a_demand()))
    await scene.node.release("vm-2", placement.host_id)
    await scene.node.release("vm-1", "nowhere")
    for _ in range(2):
        await scene.node.release("vm-1", placement.host_id)
    assert scene.held(placement.host_id) == set()


async def test_what_a_journal_says_is_held_room_or_not(scene: Scene) -> None:
    demands = [a_demand(f"vm-{number}", memory_mib=2048) for number in range(5)]
    for demand in demands:
        placement = placed(await a_small_leaf(TurnedClock(), range(2, 3)).place(demand))
        await scene.node.hold(demand, placement)
    assert scene.held("h2") == {demand.id for demand in demands}
    assert placed(await scene.node.place(demands[0])).host_id == "h2"


async def test_a_hold_ends_with_its_lease_and_a_confirmed_one_by_its_host_s_word(
    scene: Scene,
) -> None:
    placement = placed(await scene.node.place(a_demand()))
    other = placed(await scene.node.place(a_demand("vm-2")))
    await scene.node.hold(a_demand(), placement)
    await scene.node.confirm(a_demand(), placement)
    leaf = scene.leaf_of(placement.host_id)
    await until(lambda: leaf.ledger.where["vm-1"].demand is None)  # told, wherever it is
    scene.clock.turn(CONFIRMED_GRACE_SECONDS - 1)
    guest = a_guest("vm-1", datastore_id=f"{placement.host_id}-a")
    stores = [a_datastore(f"{placement.host_id}-a"), a_datastore(f"{placement.host_id}-b")]
    leaf.report(an_inventory(placement.host_id, generation=2, datastores=stores, guests=[guest]))
    scene.clock.turn(RESERVATION_LEASE_SECONDS)
    assert "vm-1" in scene.held(placement.host_id)
    assert "vm-2" not in scene.held(other.host_id)


async def test_a_host_that_refused_for_lack_of_room_is_believed_to_have_less(scene: Scene) -> None:
    large = [a_demand(f"vm-{number}", memory_mib=HOST_MIB) for number in range(HOSTS)]
    placements = [placed(await scene.node.place(demand)) for demand in large]
    await scene.node.refused(placements[0], AgentRefusal.NOT_ENOUGH_MEMORY)
    answer = refused(await scene.node.place(a_demand("more", memory_mib=HOST_MIB)))
    lacking = ReasonCount(Reason.TOO_LITTLE_MEMORY, HOSTS, HOST_MIB, HOST_MIB - 1)
    assert answer.reasons == (lacking,)


async def test_rules_and_groups_are_kept(scene: Scene) -> None:
    rule = GroupRule("web", Affinity.APART)
    demands = [
        a_demand(f"vm-{number}", groups=frozenset({"web"}), rules=(rule,))
        for number in range(HOSTS + 1)
    ]
    hosts = {placed(await scene.node.place(demand)).host_id for demand in demands[:HOSTS]}
    assert len(hosts) == HOSTS
    answer = refused(await scene.node.place(demands[HOSTS]))
    assert answer.reasons == (ReasonCount("GROUP_TOO_NEAR", HOSTS),)


async def test_each_disk_gets_a_datastore_that_suits_it(scene: Scene) -> None:
    disks = (DiskDemand("a", 60, frozenset({"fast"})), DiskDemand("b", 20))
    placement = placed(await scene.node.place(a_demand(disks=disks)))
    assert {each.disk_id for each in placement.disks} == {"a", "b"}
    assert {each.datastore_id for each in placement.disks} == {f"{placement.host_id}-a"}


async def test_a_placement_tells_how_each_level_chose(scene: Scene) -> None:
    placement = placed(await scene.node.place(a_demand()))
    leaf, *above = placement.why
    assert isinstance(leaf, Level)
    assert leaf.chosen == placement.host_id
    assert leaf.parts
    assert len(above) == (0 if len(scene.leaves) == 1 else 1)


@pytest.mark.parametrize("kind", NODES)
async def test_a_node_tells_what_its_hosts_have(kind: str) -> None:
    async with a_scene(kind) as scene:
        node = scene.node
        assert isinstance(node, Leaf | Branch | RemoteNode)
        summary = node.summary()
        assert (summary.hosts, summary.hosts_ready, summary.hosts_silent) == (HOSTS, HOSTS, 0)
        assert summary.largest_memory_mib == HOST_MIB
        assert summary.free_memory_mib == HOSTS * HOST_MIB
        assert summary.facts.zones.known == {"z0", "z1"}
        assert summary.facts.labels.known == {"FAST", "LOCAL_VMFS"}
        assert [node.owns(host_id) for host_id in ("h3", "h4")] == [True, False]
        placed(await node.place(a_demand(memory_mib=HOST_MIB)))
        scene.clock.turn(2 * SUMMARY_SECONDS)
        await until(lambda: node.summary().free_memory_mib == (HOSTS - 1) * HOST_MIB)
        assert node.summary() is node.summary()
