"""Connections to the server: how they are opened, and what it means when one is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from photon.outside.clock import Clock
from photon.store.errors import StoreUnavailable
from photon.store.postgres import driver
from photon.store.postgres.driver import INTERNAL_ERRORS, Connection, PostgresError
from photon.store.postgres.places import NoneTakesWrites, Place, first_of, places_of

# Inner waits are shorter than outer ones: a statement gives up before its client does, and a try
# before whoever retries it.
CONNECT_SECONDS: Final = 5.0  # A server that is up answers in milliseconds, over a WAN in one.
STATEMENT_SECONDS: Final = 20.0  # The longest group takes 0.1 s; the rest is waiting for others'.
ANSWER_SECONDS: Final = 25.0  # Longer than a statement may take: by then the server had given up.
PAUSE_SECONDS_MIN: Final = 0.05  # The first retry is nearly at once: most losses are restarts.
PAUSE_SECONDS_MAX: Final = 1.0  # A failover takes some ten seconds: noticed within a second.

STATEMENTS_PREPARED: Final = 512  # All shapes of read that the nouns have, as in SQLite.

# All that a connection raises.
CONNECTION_ERRORS: Final[tuple[type[Exception], ...]] = (
    OSError,
    TimeoutError,
    PostgresError,
    *INTERNAL_ERRORS,
)

_LOST_STATES: Final = frozenset(
    {
        "25006",  # read_only_sql_transaction: a standby, or a primary that was demoted
        "53300",  # too_many_connections
        "57P01",  # admin_shutdown
        "57P02",  # crash_shutdown
        "57P03",  # cannot_connect_now: it is starting
        "57P05",  # idle_session_timeout
    }
)
_SETTINGS: Final[Mapping[str, str]] = {
    "statement_timeout": f"{STATEMENT_SECONDS:.0f}s",
    "idle_in_transaction_session_timeout": "60s",  # Ours never idle in one, but for a backup's.
    # A client that vanished without a word holds no lock for longer than this.
    "tcp_keepalives_idle": "5",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "10000",
    # Every list of the API has its index. Before the first ANALYZE the planner believes that all
    # tables are small, and would read them whole; and to compile a millisecond's query takes ten.
    "enable_seqscan": "off",
    "enable_bitmapscan": "off",
    "jit": "off",
    # The plan does not depend on the values, so it is made once.
    "plan_cache_mode": "force_generic_plan",
}


async def connect(url: str, purpose: str) -> Connection:
    """A connection to the server that takes writes, whichever of the URL's hosts that is now."""

    async def to(place: Place | None) -> Connection:
        where = {} if place is None else {"host": place.host, "port": place.port}
        return await driver.connect(
            url,
            **where,
            timeout=CONNECT_SECONDS,
            statement_cache_size=STATEMENTS_PREPARED,
            max_cached_statement_lifetime=0,
            target_session_attrs="read-write",
            server_settings={**_SETTINGS, "application_name": f"photon {purpose}"},
        )

    # asyncpg would ask one after the other, and give up when the first one is silent.
    places = places_of(url)
    if len(places) < 2:
        return await to(None)
    try:
        return await first_of(places, to)
    except NoneTakesWrites as none:
        # All of them refuse, a password perhaps: to ask again would not help.
        if not any(is_lost(error) for error in none.errors):
            raise none.errors[0] from none
        raise


def is_lost(error: BaseException) -> bool:
    """Whether the server, or the way to it, went away: what was asked may or may not be done."""
    if isinstance(error, PostgresError):
        state = error.sqlstate or ""
        return state in _LOST_STATES or state.startswith("08")
    # asyncpg's own errors speak of connections that are closed, or were while it spoke.
    return isinstance(error, (OSError, TimeoutError, *INTERNAL_ERRORS))


def unavailable(error: BaseException) -> StoreUnavailable:
    problem = StoreUnavailable(
        f"PostgreSQL does not answer ({error or type(error).__name__}). Make sure that it runs and "
        "that this machine reaches it, then try again."
    )
    problem.__cause__ = error
    return problem


def without_password(url: str) -> str:
    """The URL as people may see it."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    user, _, hosts = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{hosts}"))


class Backoff:
    """Pauses that double, until a time by the clock."""

    def __init__(self, clock: Clock, until: float) -> None:
        self._clock = clock
        self._until = until
        self._pause = PAUSE_SECONDS_MIN

    async def pause(self) -> bool:
        """False when there is no time left."""
        if self._clock.monotonic() + self._pause > self._until:
            return False
        await self._clock.sleep(self._pause)
        self._pause = min(self._pause * 2, PAUSE_SECONDS_MAX)
        return True


class Readers:
    """So many connections that read, each opened when it is first needed."""

    def __init__(self, url: str, connections: int) -> None:
        self._url = url
        self._free: list[Connection | None] = [None] * connections
        self._room = asyncio.Semaphore(connections)
        self._closed = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """One that nobody else uses meanwhile. One that was lost is opened anew by the next."""
        async with self._room:
            if self._closed:
                raise StoreUnavailable("The store is closed. Start the controller again.")
            connection = self._free.pop()
            try:
                if connection is None or connection.is_closed():
                    connection = None
                    connection = await connect(self._url, "reader")
                yield connection
            except BaseException as error:
                # Who was cancelled, or lost it, leaves it in the middle of something.
                cut = isinstance(error, asyncio.CancelledError) or is_lost(error)
                if cut and connection is not None:
                    connection.terminate()
                raise
            finally:
                self._free.append(connection)

    async def close(self) -> None:
        self._closed = True
        for connection in self._free:
            if connection is not None:
                await close(connection)


async def close(connection: Connection) -> None:
    """Says goodbye, but does not wait long for the answer."""
    try:
        await connection.close(timeout=1.0)
    except CONNECTION_ERRORS:
        connection.terminate()
