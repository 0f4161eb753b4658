"""CloudStore in one SQLite file (or in memory), for one controller process.

Writes go through the committer. Reads run on the event loop's thread, on a connection of their own
that sees what is committed and nothing else: a point read costs less than handing it to a thread.
Reads that may take long (`count`, `sum`) have a thread and a third connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from typing import Any

from photon.outside.clock import Clock
from photon.store import feed, quota_rows
from photon.store.committer import Committer
from photon.store.connections import MEMORY, open_reader, open_writer
from photon.store.durably import Durably, InThread
from photon.store.errors import StoreUnavailable
from photon.store.lock import FileLock
from photon.store.migrate import prepare
from photon.store.protocol import (
    PAGE_SIZE_MAX,
    Change,
    E,
    Noun,
    Page,
    QuotaRow,
    Revision,
    Where,
    Write,
)
from photon.store.recent import RecentRows
from photon.store.statements import NounStatements
from photon.store.writes import Writer


@dataclass(frozen=True, slots=True)
class SqliteOptions:
    """For one store. `durably` says where COMMIT runs; in memory, on its one connection: Inline."""

    durably: Durably = field(default_factory=InThread)
    changes_kept: int = feed.CHANGES_KEPT


class SqliteStore:
    """See CloudStore."""

    def __init__(
        self, path: str, nouns: Sequence[Noun[Any]], clock: Clock, options: SqliteOptions
    ) -> None:
        """Opens the store at `path`, or makes it.

        Raises:
            StoreLocked: another process has it open.
            SchemaTooNew: a newer release wrote it.
        """
        in_memory = path == MEMORY
        assert not in_memory or options.durably.inline, "see SqliteOptions"
        assert len({noun.name for noun in nouns}) == len(nouns), "two nouns share a name"
        self._statements = {noun: NounStatements(noun) for noun in nouns}
        self._recent = RecentRows(nouns)
        self._durably = options.durably
        self._listeners = feed.Listeners()
        with ExitStack() as opened:
            if not in_memory:
                opened.callback(FileLock(path).release)
            self._write = opened.enter_context(closing(open_writer(path)))
            prepare(self._write, path, nouns)
            self._read = self._slow_read = self._write
            if not in_memory:
                self._read = opened.enter_context(closing(open_reader(path)))
                self._slow_read = opened.enter_context(closing(open_reader(path)))
            self._committer = Committer(
                self._write,
                Writer(self._write.cursor(), self._statements, self._recent),
                feed.FeedWriter(self._write, kept=options.changes_kept),
                options.durably,
                clock,
            )
            # First of all, for its threads use the connections.
            opened.callback(options.durably.close)
            self._opened: ExitStack | None = opened.pop_all()
        self._committer.tell = self._listeners.tell

    async def commit(self, writes: Sequence[Write]) -> Revision:
        if self._opened is None:
            raise StoreUnavailable("The store is closed. Start the controller again.")
        return await self._committer.submit(writes)

    @property
    def commits(self) -> int:
        """Physical ones, since it was opened."""
        return self._committer.commits

    async def find(self, noun: Noun[E], id: str) -> E | None:
        known = self._recent.find(noun, id)
        if known is not None:
            return known
        statements = self._of(noun)
        row = self._read.execute(statements.find, (id,)).fetchone()
        return None if row is None else statements.decode(row[0])

    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]:
        assert len(ids) <= PAGE_SIZE_MAX, f"{len(ids)} ids at once"
        known = [self._recent.find(noun, id) for id in ids]
        unknown = [id for id, entity in zip(ids, known, strict=True) if entity is None]
        if not unknown:
            return [entity for entity in known if entity is not None]
        statements = self._of(noun)
        with _Snapshot(self._read):
            rows = [self._read.execute(statements.find, (id,)).fetchone() for id in unknown]
        read = iter([None if row is None else statements.decode(row[0]) for row in rows])
        both = [next(read) if entity is None else entity for entity in known]
        return [entity for entity in both if entity is not None]

    async def page(
        self,
        noun: Noun[E],
        where: Where,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
    ) -> Page[E]:
        assert 0 < limit <= PAGE_SIZE_MAX, f"a page of {limit}"
        assert after is None or before is None, "a page goes one way"
        statements = self._of(noun)
        template = statements.page_after if before is None else statements.page_before
        sql, values = statements.where(template, where)
        # Every id sorts after the empty string.
        start = (after or "") if before is None else before
        with _Snapshot(self._read):
            revision = feed.read_revision(self._read)
            rows = self._read.execute(sql, (start, *values, limit + 1)).fetchall()
        more = len(rows) > limit
        items = [statements.decode(row[0]) for row in rows[:limit]]
        if before is not None:
            items.reverse()
        return Page(items, more, revision)

    async def count(self, noun: Noun[Any], where: Where) -> int:
        statements = self._of(noun)
        sql, values = statements.where(statements.count, where)
        (row,) = await self._durably.read(lambda: self._slow_read.execute(sql, values).fetchall())
        return int(row[0])

    async def sum(self, noun: Noun[Any], column: str, by: str, where: Where) -> dict[str, float]:
        statements = self._of(noun)
        sql, values = statements.where(statements.sum(column, by), where)
        rows = await self._durably.read(lambda: self._slow_read.execute(sql, values).fetchall())
        return {str(key): float(total or 0) for key, total in rows}

    async def quota(self, owner_id: str) -> list[QuotaRow]:
        return quota_rows.rows(self._read, owner_id)

    async def changes(self, since: Revision, *, limit: int) -> list[Change]:
        with _Snapshot(self._read):
            return feed.changes_since(self._read, since, limit)

    async def revision(self) -> Revision:
        return feed.read_revision(self._read)

    def when_lost(self, call: Callable[[], None]) -> None:
        """Never: nobody else writes what this process could have missed."""

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        return self._listeners.add(listener)

    async def close(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            await self._committer.finish()
            opened.close()

    def _of(self, noun: Noun[E]) -> NounStatements[E]:
        return self._statements[noun]


class _Snapshot:
    """Everything read inside sees the same commits."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        self._connection.execute("COMMIT")
