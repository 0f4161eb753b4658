"""Quota limits that somebody asks for: checked, and compared with what is there (contract, 6.4).

A project's limits are usage of its tenant's quota. So a change of them is charged to the tenant,
in the same write-set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from photon.api.body import printable
from photon.domain.error_catalogue import InvalidEntity, QuotaError
from photon.domain.quota import Amount, QuotaUnit
from photon.store.protocol import QuotaRow
from photon.wire.v1 import tenancy

# 8 EiB. Whoever asks for more means a typing mistake; and doubles of that size, being multiples of
# a MiB in practice, still add up exactly.
LIMIT_BASE_MAX: Final = float(1 << 63)


@dataclass(eq=False)
class QuotaStillHeld(QuotaError):
    """A tenant's key cannot go while its projects limit it."""

    text = "projects still hold {usage} of the limit {limit}; remove the key from their quota first"


def limits_asked(quota: tenancy.Quota | None) -> tuple[Amount, ...]:
    """The limits of a request, sorted by key.

    Raises:
        InvalidEntity: a key or a number cannot be.
    """
    items = (quota.quota_items if quota is not None else None) or {}
    for key, item in items.items():
        check_key(key)
        if Amount(key, item.limit, item.unit).base > LIMIT_BASE_MAX:
            raise InvalidEntity(problem=f"{key} : the limit is too large (was {item.limit:g})")
    return tuple(Amount(key, items[key].limit, items[key].unit) for key in sorted(items))


def limits_demanded(quota: tenancy.Quota) -> tuple[Amount, ...]:
    """As `limits_asked`, where forgetting to say anything would mean something."""
    if quota.quota_items is None:
        raise InvalidEntity(problem="quotaItems may not be null (was null)")
    return limits_asked(quota)


def keys_demanded(removal: tenancy.QuotaRemoval) -> tuple[str, ...]:
    if removal.quota_items is None:
        raise InvalidEntity(problem="quotaItems may not be null (was null)")
    return tuple(sorted(removal.quota_items))


def check_key(key: str) -> None:
    if not key.isprintable() or key != key.strip():
        shown = printable(key)
        raise InvalidEntity(problem=f"a quota key must be plain text without blanks (was {shown})")


def limited(rows: Iterable[QuotaRow]) -> dict[str, QuotaRow]:
    """The keys that have a limit; the others are only counted."""
    return {row.key: row for row in rows if row.limit is not None}


def check_units(limits: Sequence[Amount], known: Mapping[str, QuotaRow]) -> None:
    """A key keeps its dimension: numbers of things cannot be compared with bytes.

    Raises:
        InvalidEntity: a limit is in COUNT and what is known of its key is not, or the reverse.
    """
    for limit in limits:
        row = known.get(limit.key)
        if row is not None and (row.unit == QuotaUnit.COUNT) != (limit.unit is QuotaUnit.COUNT):
            problem = f"{limit.key} : the unit must go with {row.unit} (was {limit.unit})"
            raise InvalidEntity(problem=problem)


def check_within(limits: Sequence[Amount], tenant: Mapping[str, QuotaRow]) -> None:
    """A project may only limit what its tenant has a limit for, in the same dimension.

    Raises:
        QuotaError: the tenant's quota does not have a key.
    """
    for limit in limits:
        if limit.key not in tenant:
            nothing = f"{limit.key}, 0, {limit.unit}"
            raise QuotaError(nothing, nothing, f"{limit.key}, {limit.value:g}, {limit.unit}")
    check_units(limits, tenant)


def change_of(
    before: Mapping[str, QuotaRow], after: Sequence[Amount], *, replace: bool
) -> tuple[Amount, ...]:
    """What a change of a project's limits adds to its tenant's usage, in base units.

    With `replace`, keys that are not in `after` are given back.
    """
    changes = [
        Amount(limit.key, limit.base - _limit(before.get(limit.key)), _base_unit(limit.unit))
        for limit in after
    ]
    if replace:
        kept = {limit.key for limit in after}
        changes += given_back(row for key, row in before.items() if key not in kept)
    return tuple(change for change in changes if change.value)


def given_back(rows: Iterable[QuotaRow]) -> tuple[Amount, ...]:
    """The negative of these limits, in base units."""
    return tuple(
        Amount(row.key, -_limit(row), _base_unit(QuotaUnit(row.unit))) for row in rows if row.limit
    )


def _limit(row: QuotaRow | None) -> float:
    return row.limit if row is not None and row.limit is not None else 0.0


def _base_unit(unit: QuotaUnit) -> QuotaUnit:
    return QuotaUnit.COUNT if unit is QuotaUnit.COUNT else QuotaUnit.B
