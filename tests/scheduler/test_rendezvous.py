"""Leaves are divided among controllers: evenly, and so that little moves."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.scheduler.rendezvous import divided


def leaves(number: int) -> list[str]:
    return [f"leaf-{n}" for n in range(number)]


@given(st.integers(0, 60), st.integers(1, 6))
def test_nobody_has_more_than_its_share_and_a_quarter(number: int, members: int) -> None:
    names = [f"c{n}" for n in range(members)]
    loads = Counter(divided(leaves(number), names).values())
    assert sum(loads.values()) == number
    assert all(load <= -(-number * 5 // (4 * members)) for load in loads.values())


@settings(max_examples=40)
@given(st.integers(1, 400), st.integers(1, 7), st.integers(0, 10**6))
def test_who_comes_takes_its_share_and_moves_little_else(
    number: int, members: int, salt: int
) -> None:
    names = [f"{salt}-{n}" for n in range(members)]
    before = divided(leaves(number), names)
    after = divided(leaves(number), [*names, "new"])
    moved = sum(before[leaf] != after[leaf] for leaf in before)
    elsewhere = sum(before[leaf] != after[leaf] != "new" for leaf in before)
    assert moved <= number * 1.25 / (members + 1) + 1 + elsewhere
    assert elsewhere <= number * 0.25 + 2


def test_the_order_of_names_and_leaves_does_not_matter() -> None:
    assert divided(leaves(40), ["a", "b", "c"]) == divided(leaves(40)[::-1], ["c", "a", "b"])
