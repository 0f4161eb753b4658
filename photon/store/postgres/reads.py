"""Reads: each one round trip and one snapshot; point reads that wait together go as one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from photon.outside.clock import Clock
from photon.store.postgres.connections import Backoff, Readers, is_lost, unavailable
from photon.store.postgres.driver import Connection
from photon.store.postgres.feed import Stretch, read_since
from photon.store.postgres.shapes import Shape
from photon.store.protocol import PAGE_SIZE_MAX, E, Noun, Page, QuotaRow, Revision, Value, Where

# Who reads is a request that somebody waits for: better an error than a minute of silence.
READ_RETRY_SECONDS: Final = 15.0
SLOW_READS_MAX: Final = 1  # At once, so that others find a connection free.

_QUOTA: Final = (
    "SELECT key, limit_base, usage_base, unit FROM quota_items WHERE owner_id = $1 ORDER BY key"
)
_REVISION: Final = "SELECT revision FROM feed WHERE one = 1"

T = TypeVar("T")
Query = Callable[[Connection], Awaitable[T]]
_Wanted = dict[str, list[asyncio.Future[Any]]]


class StoreReads(Protocol):
    """What of a CloudStore only reads, as PostgresStore asks for it."""

    async def find(self, noun: Noun[E], id: str) -> E | None: ...
    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]: ...
    async def page(
        self, noun: Noun[E], where: Where, *, limit: int, start: str, back: bool
    ) -> Page[E]: ...
    async def count(self, noun: Noun[Any], where: Where) -> int: ...
    async def sum(
        self, noun: Noun[Any], column: str, by: str, where: Where
    ) -> dict[str, float]: ...
    async def quota(self, owner_id: str) -> list[QuotaRow]: ...
    async def stretch(self, since: Revision, limit: int) -> Stretch: ...
    async def revision(self) -> Revision: ...
    async def close(self) -> None: ...


class Reads:
    """See StoreReads: on a few connections."""

    def __init__(
        self,
        readers: Readers,
        shapes: Mapping[Noun[Any], Shape[Any]],
        clock: Clock,
        *,
        answer_seconds: float,
        retry_seconds: float = READ_RETRY_SECONDS,
    ) -> None:
        self._answer_seconds = answer_seconds
        self._retry_seconds = retry_seconds
        self._readers = readers
        self._shapes = shapes
        self._clock = clock
        self._slow = asyncio.Semaphore(SLOW_READS_MAX)
        self._wanted: dict[Noun[Any], _Wanted] = {}
        self._finding: set[asyncio.Task[None]] = set()

    async def find(self, noun: Noun[E], id: str) -> E | None:
        wanted = self._wanted.get(noun)
        if wanted is None or len(wanted) >= PAGE_SIZE_MAX:
            wanted = self._wanted[noun] = {}
            finding = asyncio.create_task(self._find_wanted(noun, wanted))
            self._finding.add(finding)
            finding.add_done_callback(self._finding.discard)
        told: asyncio.Future[E | None] = asyncio.get_running_loop().create_future()
        wanted.setdefault(id, []).append(told)
        return await told

    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]:
        shape = self._shapes[noun]
        rows = await self._read(lambda connection: connection.fetch(shape.find_many, ids))
        found = {row[0]: row[1] for row in rows}
        return [shape.decode(found[id]) for id in ids if id in found]

    async def page(
        self, noun: Noun[E], where: Where, *, limit: int, start: str, back: bool
    ) -> Page[E]:
        shape = self._shapes[noun]
        sql, values = shape.page(where, start, limit=limit + 1, back=back)
        revision, documents = await self._read(lambda c: c.fetchrow(sql, *values))
        items = [shape.decode(document) for document in documents[:limit]]
        if back:
            items.reverse()
        return Page(items, len(documents) > limit, Revision(revision))

    async def count(self, noun: Noun[Any], where: Where) -> int:
        rows = await self._slowly(*self._shapes[noun].count(where))
        return int(rows[0][0])

    async def sum(self, noun: Noun[Any], column: str, by: str, where: Where) -> dict[str, float]:
        rows = await self._slowly(*self._shapes[noun].sum(column, by, where))
        return {str(key): float(total or 0) for key, total in rows}

    async def quota(self, owner_id: str) -> list[QuotaRow]:
        rows = await self._read(lambda connection: connection.fetch(_QUOTA, owner_id))
        return [QuotaRow(*row) for row in rows]

    async def stretch(self, since: Revision, limit: int) -> Stretch:
        return await self._read(lambda connection: read_since(connection, since, limit))

    async def revision(self) -> Revision:
        return Revision(await self._read(lambda connection: connection.fetchval(_REVISION)))

    async def close(self) -> None:
        await self._readers.close()

    async def _find_wanted(self, noun: Noun[Any], wanted: _Wanted) -> None:
        """While it waits for a connection, more may be wanted."""
        shape = self._shapes[noun]

        def close() -> None:
            if self._wanted.get(noun) is wanted:
                del self._wanted[noun]

        async def query(connection: Connection) -> Any:
            close()
            return await connection.fetch(shape.find_many, list(wanted))

        try:
            rows = await self._read(query)
        except Exception as error:  # The edge of a task: whoever waits must hear of it.
            close()  # Nobody may join a question that was given up before it was asked.
            for told in (told for those in wanted.values() for told in those):
                if not told.done():
                    told.set_exception(error)
            return
        found = {row[0]: row[1] for row in rows}
        for id, those in wanted.items():
            document = found.get(id)
            for told in those:
                if not told.done():
                    told.set_result(None if document is None else shape.decode(document))

    async def _slowly(self, sql: str, values: Sequence[Value]) -> list[Any]:
        async with self._slow:
            return await self._read(lambda connection: connection.fetch(sql, *values))

    async def _read(self, query: Query[T]) -> T:
        """Reads change nothing, so they are simply tried again."""
        backoff = Backoff(self._clock, self._clock.monotonic() + self._retry_seconds)
        while True:
            try:
                # Who was cut off without a word hears nothing: neither an answer nor an end.
                async with asyncio.timeout(self._answer_seconds):
                    async with self._readers.connection() as connection:
                        return await query(connection)
            except Exception as error:  # Judged here: only what was lost is tried again.
                if not is_lost(error):
                    raise
                if not await backoff.pause():
                    raise unavailable(error) from error
