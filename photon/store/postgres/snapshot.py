"""Snapshots of a PostgreSQL store, and loading one. See `photon.store.snapshot`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from photon.store.checking_feed import FeedRow
from photon.store.errors import StoreNotReached
from photon.store.migrate import HISTORY
from photon.store.postgres.connections import (
    CONNECTION_ERRORS,
    close,
    connect,
    without_password,
)
from photon.store.postgres.driver import Connection
from photon.store.postgres.migrate import alone as alone_with
from photon.store.postgres.migrate import check, prepare
from photon.store.protocol import Noun, Revision
from photon.store.snapshot import ROWS_A_BATCH, QuotaItem, Row, StoreNotEmpty
from photon.store.statements import NounStatements, quoted

_QUOTA: Final = "SELECT owner_id, key, limit_base, usage_base, unit FROM quota_items ORDER BY 1, 2"
_QUOTA_COLUMNS: Final = ("owner_id", "key", "limit_base", "usage_base", "unit")
_FEED: Final = "SELECT revision, n, noun, id, generation FROM changes ORDER BY 1, 2"
_HAS_STORE: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"


class PostgresSnapshot:
    """See LiveSnapshot."""

    def __init__(self, connection: Connection, revision: int, trimmed: int) -> None:
        self._connection = connection
        self.trimmed = Revision(trimmed)
        self.schema = HISTORY.schemas[-1]
        self.revision = Revision(revision)

    async def count(self, noun: Noun[Any]) -> int:
        sql = f"SELECT count(*) FROM {quoted(noun.name)}"  # noqa: S608  # the name is checked
        return int(await self._connection.fetchval(sql))

    async def rows(self, noun: Noun[Any]) -> AsyncIterator[Sequence[Row]]:
        sql = f"SELECT id, generation, revision, doc FROM {quoted(noun.name)} ORDER BY id"  # noqa: S608  # the name is checked
        async for batch in _batches(self._connection, sql):
            yield [Row(*row) for row in batch]

    async def quota(self) -> AsyncIterator[Sequence[QuotaItem]]:
        async for batch in _batches(self._connection, _QUOTA):
            yield [QuotaItem(*row) for row in batch]

    async def feed(self) -> AsyncIterator[Sequence[FeedRow]]:
        async for batch in _batches(self._connection, _FEED):
            yield [FeedRow(*row) for row in batch]


async def _batches(connection: Connection, sql: str) -> AsyncIterator[list[Any]]:
    cursor = await connection.cursor(sql)
    while batch := await cursor.fetch(ROWS_A_BATCH):
        yield batch


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    """Raises StoreNotReached."""
    try:
        connection = await connect(url, "storekeeper")
    except CONNECTION_ERRORS as error:
        raise StoreNotReached(
            f"PostgreSQL at {without_password(url)} cannot be used ({error})."
        ) from error
    try:
        # Ours reads and writes for as long as it takes.
        await connection.execute("SET statement_timeout = 0")
        await connection.execute("SET idle_in_transaction_session_timeout = 0")
        yield connection
    finally:
        await close(connection)


@asynccontextmanager
async def read_postgres(url: str, *, alone: bool) -> AsyncIterator[PostgresSnapshot]:
    """With `alone`, no controller has it open meanwhile, nor is one started.

    Raises:
        StoreNotReached, SchemaTooOld, SchemaTooNew.
        StoreInUse: a controller has it open, and it was to be alone.
    """
    async with connected(url) as connection, AsyncExitStack() as held:
        if not await connection.fetchval(_HAS_STORE):
            raise StoreNotReached(f"There is no CloudStore in {without_password(url)}.")
        await check(connection)
        if alone:
            await held.enter_async_context(alone_with(connection))
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            feed = await connection.fetchrow("SELECT revision, trimmed FROM feed")
            yield PostgresSnapshot(connection, *feed)


class PostgresLoading:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def rows(self, noun: Noun[Any], rows: Sequence[Row]) -> None:
        statements = NounStatements(noun)
        whole = {name for name, kind in noun.types.items() if kind is bool}
        places = [n for n, name in enumerate(noun.columns) if name in whole]

        def record(row: Row) -> list[Any]:
            columns = statements.row(statements.decode(row.doc))
            for place in places:
                value = columns[place]
                columns[place] = None if value is None else int(value)
            return [*row[:3], *columns, row.doc]

        await self._connection.copy_records_to_table(
            noun.name,
            records=[record(row) for row in rows],
            columns=["id", "generation", "revision", *noun.columns, "doc"],
        )

    async def quota(self, items: Sequence[QuotaItem]) -> None:
        await self._connection.copy_records_to_table(
            "quota_items", records=items, columns=_QUOTA_COLUMNS
        )

    async def finish(self, revision: Revision) -> None:
        """What surrounds it commits."""
        await self._connection.execute("UPDATE feed SET revision = $1, trimmed = $1", revision)


@asynccontextmanager
async def load_postgres(url: str, nouns: Sequence[Noun[Any]]) -> AsyncIterator[PostgresLoading]:
    """A new store, or one in which nothing was ever committed; no controller has it open.

    Raises:
        StoreNotEmpty: something was.
        StoreInUse, StoreNotReached.
    """
    async with connected(url) as connection:
        await prepare(connection, nouns)
        async with alone_with(connection), connection.transaction():
            if await connection.fetchval("SELECT revision FROM feed FOR UPDATE"):
                raise StoreNotEmpty(without_password(url))
            yield PostgresLoading(connection)
        await connection.execute("ANALYZE")
