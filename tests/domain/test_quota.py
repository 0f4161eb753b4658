"""Amounts: what is charged comes back to exactly where it began."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from photon.domain.quota import Amount, QuotaUnit, in_unit, negated, total

values = st.floats(min_value=0, max_value=1e9, allow_nan=False)
amounts = st.builds(Amount, st.sampled_from("abc"), values, st.sampled_from(QuotaUnit))


def test_ten_thousand_tenths_of_a_gigabyte_are_given_back_to_nothing() -> None:
    tenth = Amount("disk", 0.1, QuotaUnit.GB)
    used = 0.0
    for _ in range(10_000):
        used += tenth.base
    assert used <= Amount("disk", 1000, QuotaUnit.GB).base
    for _ in range(10_000):
        used -= tenth.base
    assert used == 0.0


@given(amounts)
def test_an_amount_and_its_negative_are_nothing(amount: Amount) -> None:
    assert amount.base + amount.negated().base == 0


@given(st.lists(st.lists(amounts, max_size=4), max_size=4))
def test_a_total_names_each_key_once_in_order(costs: list[list[Amount]]) -> None:
    keys = [amount.key for amount in total(costs)]
    assert keys == sorted({amount.key for cost in costs for amount in cost})


@given(st.lists(amounts, max_size=6))
def test_a_total_and_its_negative_cancel(cost: list[Amount]) -> None:
    for charged, given_back in zip(total([cost]), negated(total([cost])), strict=True):
        assert charged.base + given_back.base == 0


def test_units_are_powers_of_1024() -> None:
    assert Amount("m", 1, QuotaUnit.GB).base == 1024**3
    assert in_unit(Amount("m", 100, QuotaUnit.MB).base, QuotaUnit.GB) == 100 / 1024


def test_an_amount_beyond_all_bounds_is_no_crash() -> None:
    assert math.isinf(Amount("m", 1e308, QuotaUnit.GB).base)
