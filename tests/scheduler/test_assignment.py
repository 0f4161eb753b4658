"""Each leaf has an owner that lives, or an heir; few leaves move, and only for a reason."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from photon.coordination.protocol import CONTROLLER
from photon.domain.member import Member
from photon.domain.topology import LeafRow
from photon.scheduler.assignment import MOVES_AT_ONCE_MAX, Hands, assigned


def members(*names: str) -> list[Member]:
    return [Member(f"{name}-id", name, CONTROLLER, "") for name in names]


def hands(*names: str, unsettled: tuple[str, ...] = ()) -> Hands:
    living = {f"{name}-id" for name in (*names, *unsettled)}
    return Hands(living, members(*names))


def applied(rows: dict[str, LeafRow], given: Hands) -> dict[str, LeafRow]:
    """The rows as they are when all heirs are ready."""
    rows = {**rows, **{row.id: row for row in assigned(rows, [], given)}}
    return {
        row.id: LeafRow(row.id, row.traits, row.heir or row.owner, generation=row.generation)
        for row in rows.values()
    }


def settled(rows: dict[str, LeafRow], given: Hands) -> dict[str, LeafRow]:
    for _ in range(100):
        after = applied(rows, given)
        if after == rows:
            return rows
        rows = after
    raise AssertionError("leaves move without end")


def owned(*owners: str) -> dict[str, LeafRow]:
    return {
        f"leaf-{n}": LeafRow(f"leaf-{n}", (), f"{owner}-id", generation=1)
        for n, owner in enumerate(owners)
    }


names = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6, unique=True)


@given(st.lists(st.sampled_from("abcxyz"), max_size=60), names)
def test_in_the_end_all_leaves_are_with_the_living_and_nobody_has_far_too_many(
    owners: list[str], living: list[str]
) -> None:
    given_hands = hands(*living)
    rows = settled(owned(*owners), given_hands)
    loads = Counter(row.owner for row in rows.values())
    assert set(loads) <= set(given_hands.living)
    mean = len(owners) / len(living)
    assert max(loads.values(), default=0) <= -(-mean * 5 // 4) + 1
    assert assigned(rows, [], given_hands) == []


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_when_one_dies_only_its_leaves_get_heirs(owners: list[str]) -> None:
    rows = settled(owned(*owners), hands("a", "b", "c"))
    for row in assigned(rows, [], hands("a", "b")):
        if not row.owner:
            assert rows[row.id].owner == "c-id"
            assert row.heir in {"a-id", "b-id"}
    dead = {id for id, row in rows.items() if row.owner == "c-id"}
    assert dead <= {row.id for row in assigned(rows, [], hands("a", "b"))}


def test_leaves_of_the_dead_go_at_once_and_others_a_few_at_a_time() -> None:
    rows = owned(*["a"] * 64)
    moved = assigned(rows, [], hands("a", "b"))
    assert len(moved) == MOVES_AT_ONCE_MAX
    assert all((row.owner, row.heir) == ("a-id", "b-id") for row in moved)
    assert len(assigned(rows, [], hands("b"))) == 64


def test_who_has_not_stayed_keeps_what_it_has_and_gets_nothing_more() -> None:
    rows = owned("a", "a", "new")
    new = [LeafRow(f"fresh-{n}") for n in range(20)]
    answer = assigned(rows, new, hands("a", unsettled=("new",)))
    assert {row.owner for row in answer if row.id.startswith("fresh")} == {"a-id"}
    assert not [row for row in answer if row.id == "leaf-2" and not row.owner]


def test_who_leaves_gives_all_it_has_to_others_and_goes_on_answering_until_they_are_ready() -> None:
    rows = {
        id: LeafRow(id, (), row.owner, leaving=True, generation=1)
        for id, row in owned(*["a"] * 20).items()
    }
    answer = assigned(rows, [], Hands({"a-id", "b-id"}, members("b")))
    assert len(answer) == 20
    assert {(row.owner, row.heir) for row in answer} == {("a-id", "b-id")}


def test_an_heir_that_died_is_replaced() -> None:
    rows = {"leaf-0": LeafRow("leaf-0", (), "", heir="dead-id", generation=3)}
    (answer,) = assigned(rows, [], hands("a"))
    assert (answer.owner, answer.heir) == ("", "a-id")


def test_two_of_the_same_name_are_two() -> None:
    twins = [Member("1", "c", CONTROLLER, ""), Member("2", "c", CONTROLLER, "")]
    new = [LeafRow(f"leaf-{n}") for n in range(20)]
    owners = {row.owner for row in assigned({}, new, Hands({"1", "2"}, twins))}
    assert owners == {"1", "2"}
