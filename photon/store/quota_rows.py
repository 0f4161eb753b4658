"""Quota in SQL: conditional increments that any number of writers may share.

Usage and limits are doubles in base units, rounded to 6 decimals, so that sums of tenths come back
to where they began.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from photon.domain.quota import Amount, total
from photon.store.errors import QuotaExceeded
from photon.store.protocol import Charge, DropLimits, QuotaRow, SetLimits, Value

KEYS_A_STATEMENT_MAX: Final = 32  # Each number of keys is a statement of its own, kept compiled.

_SUM: Final = "round(usage_base + excluded.usage_base, 6)"

_CHARGE_HEAD: Final = (
    "INSERT INTO quota_items (owner_id, key, limit_base, usage_base, unit) VALUES "
)
_CHARGE_ROW: Final = "(?, ?, NULL, ?, ?)"
_CHARGE_TAIL: Final = (
    f" ON CONFLICT (owner_id, key) DO UPDATE SET usage_base = {_SUM}"
    f" WHERE limit_base IS NULL OR excluded.usage_base <= 0 OR {_SUM} <= limit_base"
)
_CHARGE: Final = [
    _CHARGE_HEAD + ", ".join([_CHARGE_ROW] * keys) + _CHARGE_TAIL
    for keys in range(KEYS_A_STATEMENT_MAX + 1)
]
_USAGE: Final = "SELECT usage_base FROM quota_items WHERE owner_id = ? AND key = ?"
_HAS_NO_ROOM: Final = (
    "SELECT limit_base, usage_base, unit FROM quota_items WHERE owner_id = ? AND key = ?"
    " AND limit_base IS NOT NULL AND round(usage_base + ?, 6) > limit_base"
)
_SET: Final = (
    "INSERT INTO quota_items (owner_id, key, limit_base, usage_base, unit) VALUES (?, ?, ?, 0, ?)"
    " ON CONFLICT (owner_id, key) DO UPDATE SET limit_base = excluded.limit_base,"
    " unit = excluded.unit WHERE usage_base <= excluded.limit_base"
)
_UNLIMIT_ALL: Final = "UPDATE quota_items SET limit_base = NULL WHERE owner_id = ?"
_UNLIMIT: Final = "UPDATE quota_items SET limit_base = NULL WHERE owner_id = ? AND key = ?"
_DROP: Final = "DELETE FROM quota_items WHERE owner_id = ?"
_LIST: Final = (
    "SELECT key, limit_base, usage_base, unit FROM quota_items WHERE owner_id = ? ORDER BY key"
)


def charge(cursor: sqlite3.Cursor, write: Charge) -> bool:
    """Adds the amounts. False: some key has no room, and others may have been added all the same.

    The caller then rolls back and asks `first_without_room` why.
    """
    amounts = _summed(write.amounts)
    for start in range(0, len(amounts), KEYS_A_STATEMENT_MAX):
        chunk = amounts[start : start + KEYS_A_STATEMENT_MAX]
        values: list[Value] = []
        for amount in chunk:
            values += (write.owner_id, amount.key, amount.base, amount.unit.value)
        cursor.execute(_CHARGE[len(chunk)], values)
        if cursor.rowcount != len(chunk):
            return False
    return True


def first_without_room(cursor: sqlite3.Cursor, write: Charge) -> QuotaExceeded:
    """Why `charge` said no, when what it had changed is rolled back."""
    for amount in _summed(write.amounts):
        if amount.base <= 0:
            continue
        row = cursor.execute(_HAS_NO_ROOM, (write.owner_id, amount.key, amount.base)).fetchone()
        if row is not None:
            limit, usage, unit = row
            return QuotaExceeded(write.owner_id, amount.key, limit, usage, amount.base, unit)
    raise AssertionError("a charge was refused though every key has room")


def set_limits(cursor: sqlite3.Cursor, write: SetLimits) -> None:
    if write.replace:
        cursor.execute(_UNLIMIT_ALL, (write.owner_id,))
    for limit in write.limits:
        cursor.execute(_SET, (write.owner_id, limit.key, limit.base, limit.unit.value))
        if cursor.rowcount != 1:
            (usage,) = cursor.execute(_USAGE, (write.owner_id, limit.key)).fetchone()
            raise QuotaExceeded(write.owner_id, limit.key, limit.base, usage, 0.0, limit.unit)


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
