"""Rows that were written last, so that who reads them next need not ask SQLite.

A VM and its task are read again and again in the seconds after they were written: by the saga, by
whoever waits for the task, when the host reports the guest. What is here is what the file says, for
this process alone writes it: rows go in when their COMMIT has returned, and are taken out before
the COMMIT that changes them begins, since others may see that one before this process hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from photon.store.protocol import E, Noun, Value

RECENT_MAX: Final = 4_096  # Of each noun: some seconds of work, and about 20 MB of VMs and tasks.


class Row(msgspec.Struct, frozen=True):
    """An entity as it is stored, and the values of its noun's own columns."""

    entity: Any
    values: Sequence[Value]


# By noun and id; None: the row is gone.
Rows = Mapping[tuple[Noun[Any], str], Row | None]


class RecentRows:
    def __init__(self, nouns: Sequence[Noun[Any]]) -> None:
        # What the feed does not tell of is hardly ever read by its id.
        self._rows: dict[str, dict[str, Row]] = {noun.name: {} for noun in nouns if noun.in_feed}

    def row(self, noun: Noun[Any], id: str) -> Row | None:
        """None: not here, which says nothing of the store."""
        rows = self._rows.get(noun.name)
        return None if rows is None else rows.get(id)

    def find(self, noun: Noun[E], id: str) -> E | None:
        """The entity of `row`."""
        row = self.row(noun, id)
        return None if row is None else row.entity

    def leave(self, changing: Rows) -> None:
        """A COMMIT of these begins."""
        for noun, id in changing:
            rows = self._rows.get(noun.name)
            if rows is not None:
                rows.pop(id, None)

    def take(self, changed: Rows) -> None:
        """The COMMIT of these has returned, and is known to have gone well."""
        for (noun, id), row in changed.items():
            rows = self._rows.get(noun.name)
            if rows is None or row is None:
                continue
            if len(rows) >= RECENT_MAX:
                del rows[next(iter(rows))]
            rows[id] = row
