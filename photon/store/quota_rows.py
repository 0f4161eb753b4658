"""Quota in SQL: increments that any number of writers may share.

That no usage passes its limit is the table's own constraint (`schema.QUOTA_CHECK`): a statement
that would break it is refused and changes nothing, and only then is it asked which key it was.
Usage and limits are doubles in base units. Sums of counts are rounded to 6 decimals, so that tenths
come back to where they began; bytes are whole and need none. Nor could they bear it: SQLite's
round() writes the number down in decimals, and misses whole numbers from about 10**14 on.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from photon.domain.quota import Amount, QuotaUnit, total
from photon.store.errors import QuotaExceeded
from photon.store.protocol import Charge, DropLimits, QuotaRow, SetLimits, Value
from photon.store.schema import QUOTA_CHECK

KEYS_A_STATEMENT_MAX: Final = 32  # Each number of keys is a statement of its own, kept compiled.
COUNT_DECIMALS: Final = 6  # As the statements say, and `Amount.base`.

_UNIT_TEXT: Final[Mapping[QuotaUnit, str]] = {unit: unit.value for unit in QuotaUnit}
_CHARGE: Final = [
    # Only question marks are put together.
    "INSERT INTO quota_items (owner_id, key, limit_base, usage_base, unit) VALUES "  # noqa: S608
    + ", ".join(["(?, ?, NULL, ?, ?)"] * keys)
    + " ON CONFLICT (owner_id, key) DO UPDATE"
    " SET usage_base = CASE unit WHEN 'COUNT' THEN round(usage_base + excluded.usage_base, 6)"
    " ELSE usage_base + excluded.usage_base END"
    for keys in range(KEYS_A_STATEMENT_MAX + 1)
]
_SET: Final = (
    "INSERT INTO quota_items (owner_id, key, limit_base, usage_base, unit) VALUES (?, ?, ?, 0, ?)"
    " ON CONFLICT (owner_id, key) DO UPDATE"
    " SET limit_base = excluded.limit_base, unit = excluded.unit"
)
_UNLIMIT_ALL: Final = "UPDATE quota_items SET limit_base = NULL WHERE owner_id = ?"
_UNLIMIT: Final = "UPDATE quota_items SET limit_base = NULL WHERE owner_id = ? AND key = ?"
_DROP: Final = "DELETE FROM quota_items WHERE owner_id = ?"
_HAS_NO_ROOM: Final = (
    "SELECT limit_base, usage_base, unit FROM quota_items WHERE owner_id = ?1 AND key = ?2"
    " AND CASE unit WHEN 'COUNT' THEN round(usage_base + ?3, 6) ELSE usage_base + ?3 END"
    " > limit_base"
)
_USAGE: Final = "SELECT usage_base FROM quota_items WHERE owner_id = ? AND key = ?"
_LIST: Final = (
    "SELECT key, limit_base, usage_base, unit FROM quota_items WHERE owner_id = ? ORDER BY key"
)


def charge(cursor: sqlite3.Cursor, write: Charge) -> None:
    """Raises QuotaExceeded; what stands in other statements of this charge may then be changed."""
    amounts = _summed(write.amounts)
    for start in range(0, len(amounts), KEYS_A_STATEMENT_MAX):
        chunk = amounts[start : start + KEYS_A_STATEMENT_MAX]
        try:
            _add(cursor, write.owner_id, [(each.key, each.base, each.unit) for each in chunk])
        except sqlite3.IntegrityError as error:
            _check_is_meant(error)
            raise _first_without_room(cursor, write.owner_id, chunk) from error


def charge_together(cursor: sqlite3.Cursor, charges: Mapping[Charge, int]) -> None:
    """Each charge, so many times. When it raises, some of them may be done.

    Whole bases are added up: a sum of what is in GB, made whole afterwards, could differ from what
    is given back one by one.
    """
    owners: dict[str, dict[str, tuple[str, float, QuotaUnit]]] = {}
    for each, times in charges.items():
        sums = owners.setdefault(each.owner_id, {})
        for amount in _summed(each.amounts):
            key, base = amount.key, amount.base * times
            known = sums.get(key)
            # The first who charges a key gives it its unit, here too.
            sums[key] = (
                (key, base, amount.unit) if known is None else (key, known[1] + base, known[2])
            )
    for owner_id, sums in owners.items():
        bases = [
            (key, round(base, COUNT_DECIMALS) if unit is QuotaUnit.COUNT else base, unit)
            for key, base, unit in sums.values()
        ]
        for start in range(0, len(bases), KEYS_A_STATEMENT_MAX):
            _add(cursor, owner_id, bases[start : start + KEYS_A_STATEMENT_MAX])


def _add(
    cursor: sqlite3.Cursor, owner_id: str, bases: Sequence[tuple[str, float, QuotaUnit]]
) -> None:
    values: list[Value] = []
    for key, base, unit in bases:
        values += (owner_id, key, base, _UNIT_TEXT[unit])
    cursor.execute(_CHARGE[len(bases)], values)


def is_one_statement(write: Charge) -> bool:
    """Whether a refused charge changes nothing at all."""
    return len(write.amounts) <= KEYS_A_STATEMENT_MAX


def set_limits(cursor: sqlite3.Cursor, write: SetLimits) -> None:
    if write.replace:
        cursor.execute(_UNLIMIT_ALL, (write.owner_id,))
    for limit in write.limits:
        try:
            cursor.execute(_SET, (write.owner_id, limit.key, limit.base, _UNIT_TEXT[limit.unit]))
        except sqlite3.IntegrityError as error:
            _check_is_meant(error)
            (usage,) = cursor.execute(_USAGE, (write.owner_id, limit.key)).fetchone() or (0.0,)
            raise QuotaExceeded(
                write.owner_id, limit.key, limit.base, usage, 0.0, limit.unit
            ) from error


def drop_limits(cursor: sqlite3.Cursor, write: DropLimits) -> None:
    for key in write.keys:
        cursor.execute(_UNLIMIT, (write.owner_id, key))


def drop_quota(cursor: sqlite3.Cursor, owner_id: str) -> None:
    cursor.execute(_DROP, (owner_id,))


def rows(connection: sqlite3.Connection, owner_id: str) -> list[QuotaRow]:
    return [QuotaRow(*row) for row in connection.execute(_LIST, (owner_id,))]


def _summed(amounts: Sequence[Amount]) -> Sequence[Amount]:
    """One amount a key: a statement may touch a row only once."""
    if len({amount.key for amount in amounts}) == len(amounts):
        return amounts
    return total([amounts])


def _first_without_room(
    cursor: sqlite3.Cursor, owner_id: str, amounts: Sequence[Amount]
) -> QuotaExceeded:
    for amount in amounts:
        row = cursor.execute(_HAS_NO_ROOM, (owner_id, amount.key, amount.base)).fetchone()
        if row is not None and amount.base > 0:
            limit, usage, unit = row
            return QuotaExceeded(owner_id, amount.key, limit, usage, amount.base, unit)
    raise AssertionError("a charge was refused though every key has room")


def _check_is_meant(error: sqlite3.IntegrityError) -> None:
    assert QUOTA_CHECK in str(error), f"not a limit: {error}"
