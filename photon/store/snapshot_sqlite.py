"""Snapshots of a SQLite store, and loading one. See `photon.store.snapshot`."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from photon.store.checking_feed import FeedRow
from photon.store.connections import open_reader, open_writer
from photon.store.errors import SchemaTooNew, SchemaTooOld, StoreNotReached
from photon.store.lock import FileLock
from photon.store.migrate import HISTORY, prepare
from photon.store.protocol import Noun, Revision
from photon.store.snapshot import ROWS_A_BATCH, QuotaItem, Row, StoreNotEmpty
from photon.store.statements import NounStatements, quoted

DAMAGES_MAX: Final = 20  # Of more, the first say what is wrong.

_FEED = "SELECT revision, n, noun, id, generation FROM changes ORDER BY 1, 2"
_QUOTA = "SELECT owner_id, key, limit_base, usage_base, unit FROM quota_items ORDER BY 1, 2"


class SqliteSnapshot:
    """See LiveSnapshot."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        (self.schema,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        (revision, trimmed) = connection.execute("SELECT revision, trimmed FROM feed").fetchone()
        self.revision, self.trimmed = Revision(revision), Revision(trimmed)
        if self.schema not in HISTORY.schemas:
            raise SchemaTooNew(self.schema, HISTORY.schemas[-1])
        if self.schema != HISTORY.schemas[-1]:
            raise SchemaTooOld(self.schema, HISTORY.schemas[-1])

    async def count(self, noun: Noun[Any]) -> int:
        (count,) = self._connection.execute(
            f"SELECT count(*) FROM {quoted(noun.name)}"  # noqa: S608  # the name is checked
        ).fetchone()
        return int(count)

    async def rows(self, noun: Noun[Any]) -> AsyncIterator[Sequence[Row]]:
        found = self._connection.execute(
            f"SELECT id, generation, revision, doc FROM {quoted(noun.name)} ORDER BY id"  # noqa: S608  # the name is checked
        )
        while batch := found.fetchmany(ROWS_A_BATCH):
            yield [Row(*row) for row in batch]

    async def quota(self) -> AsyncIterator[Sequence[QuotaItem]]:
        found = self._connection.execute(_QUOTA)
        while batch := found.fetchmany(ROWS_A_BATCH):
            yield [QuotaItem(*row) for row in batch]

    async def feed(self) -> AsyncIterator[Sequence[FeedRow]]:
        found = self._connection.execute(_FEED)
        while batch := found.fetchmany(ROWS_A_BATCH):
            yield [FeedRow(*row) for row in batch]

    def damages(self) -> list[str]:
        """What SQLite's own checker finds in the file."""
        found = self._connection.execute(f"PRAGMA integrity_check({DAMAGES_MAX})").fetchall()
        return [f"the file: {line}" for (line,) in found if line != "ok"]


@contextmanager
def read_sqlite(path: str, *, alone: bool) -> Iterator[SqliteSnapshot]:
    """With `alone`, no controller has it open meanwhile, nor is one started.

    Raises:
        StoreNotReached: there is no such file.
        StoreLocked: a controller has it open, and it was to be alone.
    """
    if not Path(path).is_file():
        raise StoreNotReached(f"There is no CloudStore at {path}.")
    lock = FileLock(path) if alone else None
    try:
        with closing(open_reader(path)) as connection:
            connection.execute("BEGIN")
            yield SqliteSnapshot(connection)
    finally:
        if lock is not None:
            lock.release()


class SqliteLoading:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.execute("BEGIN IMMEDIATE")

    async def rows(self, noun: Noun[Any], rows: Sequence[Row]) -> None:
        statements = NounStatements(noun)
        self._connection.executemany(
            statements.insert,
            [[*row[:3], *statements.row(statements.decode(row.doc)), row.doc] for row in rows],
        )

    async def quota(self, items: Sequence[QuotaItem]) -> None:
        self._connection.executemany("INSERT INTO quota_items VALUES (?, ?, ?, ?, ?)", items)

    async def finish(self, revision: Revision) -> None:
        self._connection.execute("UPDATE feed SET revision = ?1, trimmed = ?1", (revision,))
        self._connection.execute("COMMIT")


@contextmanager
def load_sqlite(path: str, nouns: Sequence[Noun[Any]]) -> Iterator[SqliteLoading]:
    """A new store, or one in which nothing was ever committed.

    Raises:
        StoreNotEmpty: something was.
    """
    lock = FileLock(path)
    try:
        with closing(open_writer(path)) as connection:
            prepare(connection, path, nouns)
            (revision,) = connection.execute("SELECT revision FROM feed").fetchone()
            if revision:
                raise StoreNotEmpty(path)
            yield SqliteLoading(connection)
    finally:
        lock.release()
