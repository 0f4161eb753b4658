"""Hosts are divided among leaves: alike ones together, sizes in bounds, few moves."""

from __future__ import annotations

from collections import Counter
from itertools import count

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.topology import Traits
from photon.scheduler.division import EVERYTHING, Division
from photon.scheduler.shape import TreeShape

SHAPE = TreeShape(leaf_hosts_max=16)


def a_division(shape: TreeShape = SHAPE, first: int = 1) -> Division:
    numbers = count(first)
    return Division(shape, lambda: f"leaf-{next(numbers):04d}")


def traits(zone: str, usage: str = "CLOUD", reach: str = "r") -> Traits:
    return Traits(zone, usage, reach)


def leaves_of(division: Division) -> dict[str, tuple[tuple[str, ...], set[str]]]:
    return {part.id: (part.prefix, set(part.hosts)) for part in division.leaves()}


def check(division: Division, hosts: dict[str, Traits], shape: TreeShape = SHAPE) -> None:
    """What holds between calls."""
    small = Counter[tuple[str, ...]]()
    seated: set[str] = set()
    open_prefixes = {part.prefix for part in division.leaves()} | {EVERYTHING}
    for part in division.leaves():
        assert 1 <= len(part.hosts) <= shape.leaf_hosts_max
        small[part.prefix] += len(part.hosts) < shape.small_leaf_hosts
        seated |= part.hosts
        for host in part.hosts:
            whole = (hosts[host].zone, hosts[host].usage, hosts[host].reach)
            assert division.leaf_of(host) == part.id
            longest = next(whole[:n] for n in (3, 2, 1, 0) if whole[:n] in open_prefixes)
            assert part.prefix == longest
    assert seated == set(hosts)
    assert max(small.values(), default=0) <= 1
    homes = Counter(part.prefix for part in division.leaves() for _ in part.hosts)
    for prefix, number in homes.items():
        assert prefix == EVERYTHING or number >= shape.kind_hosts_few
    would = Counter[tuple[str, ...]]()
    for each in hosts.values():
        whole = (each.zone, each.usage, each.reach)
        for n in (3, 2, 1):
            if whole[:n] in open_prefixes:
                break
            would[whole[:n]] += 1
    assert all(number < shape.kind_hosts_min for number in would.values())


kinds = st.builds(
    Traits,
    st.sampled_from(["", "z1", "z2"]),
    st.sampled_from(["CLOUD", "MGMT"]),
    st.sampled_from(["a", "b"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 80), st.none() | kinds), max_size=250))
def test_however_hosts_come_change_and_go_each_is_in_one_leaf_of_its_kind_within_bounds(
    steps: list[tuple[int, Traits | None]],
) -> None:
    division, hosts = a_division(), dict[str, Traits]()
    moves = own = 0
    for number, kind in steps:
        host = f"h{number}"
        before = {each: division.leaf_of(each) for each in hosts}
        if kind is None:
            division.remove(host)
            hosts.pop(host, None)
        else:
            division.add(host, kind)
            hosts[host] = kind
        check(division, hosts)
        moves += sum(
            1
            for each in before
            if each != host and each in hosts and division.leaf_of(each) != before[each]
        )
        own += 1
        told = division.take_changes()
        others = {each for each in before if division.leaf_of(each) != before[each]}
        assert others <= told.hosts, "the chairman hears of each host that moved"
    # Each opening, closing and joining of small leaves needs about as many steps as it moves.
    assert moves <= 6 * own


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(1, 40), st.sampled_from([1, 3]))
def test_k_hosts_more_of_kinds_that_are_there_move_nobody(
    start: int, more: int, zones: int
) -> None:
    division = a_division()
    for number in range(start * zones * SHAPE.kind_hosts_min):
        division.add(f"h{number}", traits(f"z{number % zones}"))
    before = leaves_of(division)
    for number in range(more):
        division.add(f"new{number}", traits(f"z{number % zones}"))
    for leaf_id, (prefix, hosts) in before.items():
        now_prefix, now_hosts = leaves_of(division)[leaf_id]
        assert now_prefix == prefix
        assert hosts <= now_hosts


@settings(max_examples=50, deadline=None)
@given(st.integers(20, 200), st.data())
def test_k_hosts_that_go_move_a_few_times_k_others(total: int, data: st.DataObject) -> None:
    division = a_division()
    for number in range(total):
        division.add(f"h{number:03d}", traits(f"z{number % 2}"))
    gone = data.draw(st.sets(st.integers(0, total - 1), max_size=total))
    moved = 0
    for number in gone:
        before = {f"h{n:03d}": division.leaf_of(f"h{n:03d}") for n in range(total)}
        division.remove(f"h{number:03d}")
        del before[f"h{number:03d}"]
        moved += sum(division.leaf_of(host) != leaf for host, leaf in before.items())
    assert moved <= 2 * len(gone) + SHAPE.small_leaf_hosts


def test_zones_have_leaves_of_their_own_as_soon_as_they_are_worth_it() -> None:
    division = a_division(TreeShape())
    for number in range(3_000):
        division.add(f"h{number}", traits(f"z{number % 3}"))
    assert all(part.prefix[0] for part in division.leaves())
    assert Counter(part.prefix[0] for part in division.leaves()) == {"z0": 4, "z1": 4, "z2": 4}


def test_hosts_of_one_kind_do_not_move_when_their_kind_gets_leaves_of_its_own() -> None:
    division = a_division()
    for number in range(SHAPE.kind_hosts_min):
        division.add(f"h{number}", traits("z1"))
    assert list(leaves_of(division)) == ["leaf-0001"]
    assert leaves_of(division)["leaf-0001"][0] == ("z1", "CLOUD", "r")


def test_rare_kinds_share_a_leaf_with_those_that_are_most_like_them() -> None:
    division = a_division()
    for number in range(12):
        division.add(f"a{number}", traits("z1", reach="a"))
    division.add("odd", traits("z1", usage="MGMT"))
    division.add("alone", traits("z9"))
    prefixes = {
        host: leaves_of(division)[division.leaf_of(host) or ""][0]
        for host in ("a0", "odd", "alone")
    }
    assert prefixes == {"a0": ("z1", "CLOUD", "a"), "odd": (), "alone": ()}


def test_a_host_whose_zone_changes_moves_and_no_other_does() -> None:
    division = a_division()
    for number in range(24):
        division.add(f"h{number}", traits(f"z{number % 2}"))
    division.take_changes()
    before = leaves_of(division)
    division.add("h0", traits("z1"))
    assert division.take_changes().hosts == {"h0"}
    assert division.leaf_of("h0") != next(id for id, (_, hosts) in before.items() if "h0" in hosts)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), kinds), max_size=120))
def test_what_is_loaded_again_is_as_it_was_written(steps: list[tuple[int, Traits]]) -> None:
    division, hosts = a_division(), dict[str, Traits]()
    for number, kind in steps:
        division.add(f"h{number}", kind)
        hosts[f"h{number}"] = kind
    again = a_division(first=1_000)
    again.load(
        [(part.id, part.prefix) for part in division.leaves()],
        [(host, division.leaf_of(host) or "", kind) for host, kind in hosts.items()],
    )
    assert leaves_of(again) == leaves_of(division)
    changes = again.take_changes()
    assert not changes.hosts
    assert not changes.leaves


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 60), kinds), st.data())
def test_nonsense_that_is_loaded_is_put_right(
    hosts: dict[int, Traits], data: st.DataObject
) -> None:
    """Such as after the sizes were configured otherwise."""
    leaf_ids = ["a", "b", "c", "not there"]
    division = a_division()
    division.load(
        [("a", ()), ("b", ("z1",)), ("c", ("z2", "CLOUD"))],
        [(f"h{n}", data.draw(st.sampled_from(leaf_ids)), kind) for n, kind in hosts.items()],
    )
    check(division, {f"h{n}": kind for n, kind in hosts.items()})


def test_a_hundred_thousand_hosts_take_a_bounded_number_of_steps() -> None:
    """A tenth of it here, for time: what each host costs does not grow with their number."""
    division = a_division(TreeShape())
    for number in range(10_000):
        division.add(f"h{number}", traits(f"z{number % 7}", reach=str(number % 2)))
    assert len(leaves_of(division)) <= 14 * 3
    assert sum(len(part.hosts) for part in division.leaves()) == 10_000
