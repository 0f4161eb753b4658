"""Charges of a group, added up: thousands of VMs a second go to the same few rows of quota.

Only charges that take are pooled. If their sum has room, then so has each of them in its turn; if
it has not, the sum does not tell who was too many: the group is run again, one by one.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from photon.store import quota_rows
from photon.store.errors import QuotaExceeded
from photon.store.protocol import Charge

FULL_MAX: Final = 1_024  # Owners whose quota is full. A group of one more may be run twice.


class NotTogether(Exception):
    """The charges cannot be made at once: the group's write-sets must be run one by one."""


class PooledCharges:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor
        self._pool: dict[Charge, int] = {}
        self._pooling = False
        # Those who were refused last: they are charged one by one until there is room again, so
        # that who knocks at a full quota does not make every group run twice.
        self._full: set[str] = set()

    def begin(self, *, pooling: bool) -> None:
        self._pool = {}
        self._pooling = pooling

    def charge(self, write: Charge) -> None:
        """Now or with `settle`. Raises QuotaExceeded or NotTogether."""
        takes = all(amount.value >= 0 for amount in write.amounts)
        if takes and self._pooling and write.owner_id not in self._full:
            self._pool[write] = self._pool.get(write, 0) + 1
            return
        if not takes:
            self.settle()  # Who came before has had only the room that there was then.
        try:
            quota_rows.charge(self._cursor, write)
        except QuotaExceeded:
            if len(self._full) < FULL_MAX:
                self._full.add(write.owner_id)
            raise
        if takes:
            self._full.discard(write.owner_id)

    def settle(self) -> None:
        """Charges what is pooled: before anything else is done to a quota, and before COMMIT.

        Raises:
            NotTogether: part of it may be charged; the transaction must be rolled back.
        """
        if not self._pool:
            return
        pool, self._pool = self._pool, {}
        try:
            quota_rows.charge_together(self._cursor, pool)
        except Exception as error:  # Whoever is to be told of it shows when they run one by one.
            raise NotTogether from error
