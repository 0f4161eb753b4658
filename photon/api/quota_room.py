"""What a project's quota leaves room for, as it was read: for answers that change nothing.

Whoever charges lets the store decide, for between a read and a write others charge as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from photon.domain.quota import Amount
from photon.store.errors import QuotaExceeded
from photon.store.protocol import QuotaRow

# The store's own: a sum of tenths may be a hair above what it should be.
_HAIR: Final = 5e-7


def check_room(owner_id: str, rows: Iterable[QuotaRow], cost: Sequence[Amount]) -> None:
    """Raises QuotaExceeded for the first amount without room."""
    limited = {row.key: row for row in rows}
    for amount in cost:
        row = limited.get(amount.key)
        if row is None or row.limit is None or amount.base <= 0:
            continue
        if row.usage + amount.base > row.limit + _HAIR:
            raise QuotaExceeded(owner_id, row.key, row.limit, row.usage, amount.base, row.unit)


def times_within(rows: Iterable[QuotaRow], cost: Sequence[Amount]) -> tuple[int, str] | None:
    """How often the cost has room, and the key that then has none; None when nothing is limited."""
    amounts = {amount.key: amount.base for amount in cost if amount.base > 0}
    times = [
        (max(0, int((row.limit + _HAIR - row.usage) // amounts[row.key])), row.key)
        for row in rows
        if row.limit is not None and row.key in amounts
    ]
    return min(times, default=None)
