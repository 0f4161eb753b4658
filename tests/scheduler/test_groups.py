"""VMs of a group lie apart or together as their rules say, over all leaves of a tree."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Affinity, Demand, GroupRule, Placement, ReasonCount
from photon.scheduler.errors import UnfullfillableAffinities
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import CONFIRMED_GRACE_SECONDS, SUMMARY_SECONDS
from photon.scheduler.sentence import error_of
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

TOGETHER, APART = Affinity.TOGETHER, Affinity.APART
HOSTS = 7
ZONE_OF = {f"h{number}": f"z{number % 3}" for number in range(HOSTS)}
KEYS = st.sampled_from(["red", "blue"])
RULES = st.builds(
    GroupRule,
    key=KEYS,
    affinity=st.sampled_from([APART, APART, TOGETHER]),
    hard=st.just(True),
    host_max=st.sampled_from([None, 1, 2]),
    zone_max=st.sampled_from([None, 1, 3]),
)


def a_tree(clock: TurnedClock) -> Tree:
    tree = Tree(clock, Random(1), TreeShape(leaf_hosts_max=2, fan_out_max=2))
    for id, zone_id in ZONE_OF.items():
        tree.put_host(a_view(id, zone_id=zone_id))
        tree.report(an_inventory(id))
    return tree


def member(id: str, key: str, *rules: GroupRule, memory_mib: int = 16) -> Demand:
    groups = frozenset({key})
    return a_demand(id, cpus=0, memory_mib=memory_mib, gib=0, groups=groups, rules=rules)


def allows(rule: GroupRule, host_id: str, members: Counter[tuple[str, str]]) -> bool:
    """Before the VM itself is there."""
    hosts = {host: count for (key, host), count in members.items() if key == rule.key and count}
    if rule.affinity is TOGETHER:
        return not hosts or host_id in hosts
    zone = sum(count for host, count in hosts.items() if ZONE_OF[host] == ZONE_OF[host_id])
    return (rule.host_max is None or hosts.get(host_id, 0) < rule.host_max) and (
        rule.zone_max is None or zone < rule.zone_max
    )


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(KEYS, st.lists(RULES, max_size=2), st.booleans()), max_size=30))
def test_a_hard_rule_is_kept_and_refuses_only_what_no_host_may_take(
    steps: list[tuple[str, list[GroupRule], bool]],
) -> None:
    clock = TurnedClock()
    tree = a_tree(clock)
    members = Counter[tuple[str, str]]()
    there: list[tuple[str, Placement]] = []
    for number, (key, rules, leaves) in enumerate(steps):
        clock.turn(SUMMARY_SECONDS)
        if leaves and there:
            gone_key, gone = there.pop(0)
            at_once(tree.root.release(gone.demand_id, gone.host_id))
            members[gone_key, gone.host_id] -= 1
        demand = member(f"vm-{number}", key, *rules)
        may = {id for id in ZONE_OF if all(allows(rule, id, members) for rule in rules)}
        answer = at_once(tree.root.place(demand))
        if isinstance(answer, Placement):
            assert answer.host_id in may
            members[key, answer.host_id] += 1
            there.append((key, answer))
            at_once(tree.root.confirm(demand, answer))
        else:
            assert not may
            assert {count.reason for count in answer.reasons} <= {
                "GROUP_ELSEWHERE",
                "GROUP_TOO_NEAR",
            }
            assert answer.hosts_asked == HOSTS == sum(count.hosts for count in answer.reasons)
        assert tree.audit() == []


def test_as_many_of_a_group_as_there_are_hosts_lie_apart_and_one_more_is_refused() -> None:
    clock = TurnedClock()
    tree = a_tree(clock)
    rule = GroupRule("red")
    hosts = {
        placed(at_once(tree.root.place(member(f"vm-{number}", "red", rule)))).host_id
        for number in range(HOSTS)
    }
    assert len(hosts) == HOSTS
    one_more = member("more", "red", rule)
    answer = refused(at_once(tree.root.place(one_more)))
    assert answer.reasons == (ReasonCount("GROUP_TOO_NEAR", HOSTS),)
    error = error_of(one_more, answer)
    assert isinstance(error, UnfullfillableAffinities)
    assert "as many VMs of its group" in str(error)


def test_a_rule_that_is_not_hard_is_kept_while_it_can_be() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2", memory_mib=80_000))
    apart = GroupRule("red", hard=False)
    chosen = [
        placed(at_once(leaf.place(member(f"vm-{n}", "red", apart, memory_mib=1024)))).host_id
        for n in range(4)
    ]
    assert sorted(chosen[:2]) == ["h1", "h2"]
    assert chosen[2:] == ["h2", "h2"]
    near = GroupRule("blue", TOGETHER, hard=False)
    first = placed(at_once(leaf.place(member("a", "blue", near, memory_mib=4096)))).host_id
    again = placed(at_once(leaf.place(member("b", "blue", near, memory_mib=1024)))).host_id
    assert again == first
    placed(at_once(leaf.place(member("c", "blue", near, memory_mib=70_000))))


def test_a_restart_knows_groups_again_once_each_vm_is_announced() -> None:
    clock = TurnedClock()
    before = a_leaf(an_inventory("h1"), an_inventory("h2"), clock=clock)
    rule = GroupRule("red")
    demand = member("vm-1", "red", rule)
    placement = placed(at_once(before.place(demand)))
    leaf = a_leaf(
        an_inventory("h1", guests=[a_guest("vm-1", memory_mib=16, gib=0)]),
        an_inventory("h2"),
        clock=clock,
    )
    assert placement.host_id == "h1"
    at_once(leaf.hold(demand, placement))
    clock.turn(10 * CONFIRMED_GRACE_SECONDS)
    assert placed(at_once(leaf.place(member("vm-2", "red", rule)))).host_id == "h2"
    refused(at_once(leaf.place(member("vm-3", "red", rule))))
    leaf.report(an_inventory("h1", generation=2))
    assert placed(at_once(leaf.place(member("vm-3", "red", rule)))).host_id == "h1"
    assert leaf.audit() == []


def test_a_lease_that_ends_makes_room_in_its_group() -> None:
    clock = TurnedClock()
    leaf: Leaf = a_leaf(an_inventory("h1"), clock=clock)
    rule = GroupRule("red")
    placed(at_once(leaf.place(member("vm-1", "red", rule))))
    refused(at_once(leaf.place(member("vm-2", "red", rule))))
    clock.turn(1_000)
    placed(at_once(leaf.place(member("vm-2", "red", rule))))
    leaf.remove_host("h1")
    leaf.put_host(a_view("h1"))
    leaf.report(an_inventory("h1"))
    placed(at_once(leaf.place(member("vm-3", "red", rule))))
    assert leaf.audit() == []
