"""The change feed: which rows each revision changed, kept for a while, and who is told."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final

from photon.store.errors import FeedTrimmed
from photon.store.protocol import Change, Revision

# A reader that was away for longer reads everything again. 100,000 revisions are about 20 MB.
CHANGES_KEPT: Final = 100_000
TRIM_STEP: Final = 64  # Revisions to gather before trimming: a statement for each would cost more.
TRIM_MAX: Final = 512  # Revisions trimmed in one group, about a millisecond's work; more than come.

Listener = Callable[[Sequence[Change]], None]

_log = logging.getLogger(__name__)

_INSERT: Final = "INSERT INTO changes (revision, n, noun, id, generation) VALUES (?, ?, ?, ?, ?)"
_STATE: Final = "SELECT revision, trimmed FROM feed WHERE one = 1"
_ADVANCE: Final = "UPDATE feed SET revision = ?, trimmed = ? WHERE one = 1"
_TRIM: Final = "DELETE FROM changes WHERE revision <= ?"
_SINCE: Final = (
    "SELECT revision, noun, id, generation FROM changes WHERE revision > ?"
    " ORDER BY revision, n LIMIT ?"
)
_OF_ONE: Final = "SELECT revision, noun, id, generation FROM changes WHERE revision = ? ORDER BY n"


def read_revision(connection: sqlite3.Connection) -> Revision:
    return Revision(connection.execute(_STATE).fetchone()[0])


class FeedWriter:
    """Writes each group's changes in its own transaction, and trims what is older than `kept`."""

    def __init__(self, connection: sqlite3.Connection, *, kept: int) -> None:
        self._cursor = connection.cursor()
        self._kept = kept
        revision, trimmed = self._cursor.execute(_STATE).fetchone()
        self.revision = Revision(revision)
        self._trimmed = int(trimmed)
        self._before = self.revision, self._trimmed

    def begin(self) -> None:
        """A group begins: what is recorded from here on may be forgotten."""
        self._before = self.revision, self._trimmed

    def record(self, groups: Sequence[Sequence[Change]]) -> None:
        """Called once a group, with the changes of each of its revisions, before COMMIT."""
        rows = [
            (change.revision, n, change.noun, change.id, change.generation)
            for changes in groups
            for n, change in enumerate(changes)
        ]
        self._cursor.executemany(_INSERT, rows)
        self.revision = Revision(self.revision + len(groups))
        surplus = self.revision - self._trimmed - self._kept
        if surplus >= TRIM_STEP:
            self._trimmed += min(surplus, TRIM_MAX)
            self._cursor.execute(_TRIM, (self._trimmed,))
        self._cursor.execute(_ADVANCE, (self.revision, self._trimmed))

    def forget(self) -> None:
        """The group did not become durable."""
        self.revision, self._trimmed = self._before


def changes_since(connection: sqlite3.Connection, since: Revision, limit: int) -> list[Change]:
    """See CloudStore.changes. Both statements must see the same snapshot."""
    trimmed = connection.execute(_STATE).fetchone()[1]
    if since < trimmed:
        raise FeedTrimmed(trimmed)
    rows = connection.execute(_SINCE, (since, limit + 1)).fetchall()
    if len(rows) > limit:
        # The last revision may have more rows than were read: leave it to the next call, unless
        # it is the only one.
        last = rows[-1][0]
        rows = [row for row in rows if row[0] != last]
        rows = rows or connection.execute(_OF_ONE, (last,)).fetchall()
    return [Change(*row) for row in rows]


class Listeners:
    """Those who want to be told of each commit."""

    def __init__(self) -> None:
        self._listeners: dict[object, Listener] = {}

    def __bool__(self) -> bool:
        return bool(self._listeners)

    def add(self, listener: Listener) -> Callable[[], None]:
        """Returns how to stop it; one function may be added twice, and is then called twice."""
        ticket = object()
        self._listeners[ticket] = listener
        return lambda: _drop(self._listeners, ticket)

    def tell(self, changes: Sequence[Change]) -> None:
        for listener in tuple(self._listeners.values()):
            try:
                listener(changes)
            except Exception:  # One listener's bug must reach neither the others nor the writers.
                _log.exception("a listener of the change feed failed")


def _drop(listeners: dict[object, Listener], ticket: object) -> None:
    listeners.pop(ticket, None)
