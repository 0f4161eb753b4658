"""Quota: what may be used of each key, and what is. Amounts add up in base units.

GB, MB, KB and B are powers of 1024 (contract, 6.1); B and COUNT are the base units, in which a
double is exact for every whole number below 2**53.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

import msgspec


class QuotaUnit(StrEnum):
    GB = "GB"
    MB = "MB"
    KB = "KB"
    B = "B"
    COUNT = "COUNT"


UNIT_FACTOR: Final[Mapping[QuotaUnit, int]] = {
    QuotaUnit.GB: 1 << 30,
    QuotaUnit.MB: 1 << 20,
    QuotaUnit.KB: 1 << 10,
    QuotaUnit.B: 1,
    QuotaUnit.COUNT: 1,
}

_DECIMALS = 6  # Tenths of a count add up to whole ones.
_WHOLE_FROM = 2.0**53  # Doubles from here on have no fraction, or are no numbers.
_DECIMALS_SHOWN = 9  # A byte more or less than a tenth of a GB is shown as a tenth.


class Amount(msgspec.Struct, frozen=True):
    """So much of one key, in the unit in which somebody said it."""

    key: str
    value: float
    unit: QuotaUnit

    @property
    def base(self) -> float:
        """In whole B, or in COUNT: rounded so that sums come back to exactly where they began."""
        if self.unit is QuotaUnit.COUNT:
            return round(self.value, _DECIMALS)
        base = self.value * UNIT_FACTOR[self.unit]
        return float(round(base)) if abs(base) < _WHOLE_FROM else base

    def negated(self) -> Amount:
        return Amount(self.key, -self.value, self.unit)


def in_unit(base: float, unit: QuotaUnit) -> float:
    """`base` (B or COUNT) expressed in `unit`."""
    return round(base / UNIT_FACTOR[unit], _DECIMALS_SHOWN)


def total(costs: Iterable[Iterable[Amount]]) -> tuple[Amount, ...]:
    """One amount a key, sorted by key; a key named in several units is summed in base units."""
    sums: dict[str, Amount] = {}
    for cost in costs:
        for amount in cost:
            known = sums.get(amount.key)
            if known is None:
                sums[amount.key] = amount
            elif known.unit == amount.unit:
                sums[amount.key] = Amount(amount.key, known.value + amount.value, amount.unit)
            else:
                base_unit = QuotaUnit.COUNT if amount.unit is QuotaUnit.COUNT else QuotaUnit.B
                sums[amount.key] = Amount(amount.key, known.base + amount.base, base_unit)
    return tuple(sums[key] for key in sorted(sums))


def negated(amounts: Iterable[Amount]) -> tuple[Amount, ...]:
    return tuple(amount.negated() for amount in amounts)
