"""asyncpg, as far as the store uses it, with the types that it does not have of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Protocol, cast

import asyncpg  # type: ignore[import-untyped]  # It has no types.


class Statement(Protocol):
    """Prepared; one that answers one row."""

    async def fetchrow(self, *values: Any) -> Any: ...


class Connection(Protocol):
    """One thing at a time."""

    async def execute(self, sql: str, *values: Any) -> str: ...
    async def fetch(self, sql: str, *values: Any) -> list[Any]: ...
    async def fetchrow(self, sql: str, *values: Any) -> Any: ...
    async def fetchval(self, sql: str, *values: Any) -> Any: ...
    async def prepare(self, sql: str) -> Statement: ...
    async def add_listener(self, channel: str, heard: Callable[..., None]) -> None: ...
    async def close(self, *, timeout: float) -> None: ...
    async def copy_records_to_table(
        self, table: str, *, records: Iterable[Sequence[Any]], columns: Sequence[str]
    ) -> str: ...
    def cursor(self, sql: str, *values: Any) -> Any: ...
    def transaction(self, **options: Any) -> AbstractAsyncContextManager[Any]: ...
    def terminate(self) -> None: ...
    def is_closed(self) -> bool: ...


class ServerError(Exception):
    """What a server refused with; asyncpg's own class stands in for it at run time."""

    sqlstate: str | None


async def connect(url: str, **options: Any) -> Connection:
    """See asyncpg.connect."""
    return cast(Connection, await asyncpg.connect(url, **options))


PostgresError: Final[type[ServerError]] = asyncpg.PostgresError
# A value that a column cannot hold, found by the server or by asyncpg before it sent it.
DataError: Final[type[ServerError]] = asyncpg.DataError
# asyncpg's own: of connections that are closed, or were while it spoke.
INTERNAL_ERRORS: Final[tuple[type[Exception], ...]] = (
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
