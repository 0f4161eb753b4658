"""CloudStore in PostgreSQL 15 or newer, for any number of controllers.

Writes go through the committer, one call a group. Reads go to a few connections of their own. What
other controllers commit is heard by the follower.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from photon.outside.clock import Clock
from photon.store import feed
from photon.store.errors import StoreLost, StoreNotReached, StoreUnavailable
from photon.store.postgres.committer import FAILOVER_SECONDS, Committer, CommitterOptions
from photon.store.postgres.connections import (
    ANSWER_SECONDS,
    CONNECTION_ERRORS,
    Backoff,
    Readers,
    close,
    connect,
    is_lost,
    without_password,
)
from photon.store.postgres.feed import (
    FeedConnection,
    FeedLine,
    Follower,
    Notified,
    OpenFeed,
    Position,
)
from photon.store.postgres.migrate import prepare
from photon.store.postgres.reads import READ_RETRY_SECONDS, Reads, StoreReads
from photon.store.postgres.session import OpenSession, Session, WriterSession
from photon.store.postgres.shapes import shapes_of
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

# With the writer's and the feed's six a controller: sixteen controllers fit into the 100
# connections that a server has by default. Point reads share, so that a few carry many.
READERS: Final = 4
START_SECONDS: Final = 20.0  # A server that starts beside the controller is awaited.
# Making the schema takes seconds, and may wait for another that does; longer is a dead server.
PREPARE_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PostgresOptions:
    changes_kept: int = feed.CHANGES_KEPT
    readers: int = READERS
    failover_seconds: float = FAILOVER_SECONDS
    answer_seconds: float = ANSWER_SECONDS
    read_retry_seconds: float = READ_RETRY_SECONDS


@dataclass(frozen=True, slots=True)
class Server:
    """The ways to a server: connections to PostgreSQL, or those of a simulation."""

    open_session: OpenSession
    open_feed: OpenFeed
    reads: StoreReads


class PostgresStore:
    """See CloudStore. Made by `open`."""

    def __init__(
        self,
        committer: Committer,
        reads: StoreReads,
        follower: Follower,
        listeners: feed.Listeners,
    ) -> None:
        self.committer = committer
        self._reads = reads
        self._follower = follower
        self._listeners = listeners
        self._open = True

    @classmethod
    async def open(
        cls,
        url: str,
        nouns: Sequence[Noun[Any]],
        clock: Clock,
        options: PostgresOptions | None = None,
    ) -> PostgresStore:
        """Opens the store in the database at `url`, or makes it.

        Raises:
            SchemaTooOld, SchemaTooNew: another release wrote it.
            StoreInUse: it is being migrated or restored.
            StoreNotReached: no server answers in START_SECONDS, or it refuses.
        """
        options = options or PostgresOptions()
        assert len({noun.name for noun in nouns}) == len(nouns), "two nouns share a name"
        nouns = tuple(nouns)
        session = await _first_session(url, nouns, clock)

        async def open_session(writer: str | None) -> Session:
            return await WriterSession.open(url, nouns, writer)

        async def open_feed(notified: Notified) -> FeedLine:
            return await FeedConnection.open(url, notified)

        readers = Readers(url, options.readers)
        reads = Reads(
            readers,
            shapes_of(nouns),
            clock,
            answer_seconds=options.answer_seconds,
            retry_seconds=options.read_retry_seconds,
        )
        return cls.upon(Server(open_session, open_feed, reads), session, nouns, clock, options)

    @classmethod
    def upon(  # each is another thing
        cls,
        server: Server,
        session: Session,
        nouns: tuple[Noun[Any], ...],
        clock: Clock,
        options: PostgresOptions,
    ) -> PostgresStore:
        """A store upon a server that has given it its first session."""
        listeners = feed.Listeners()
        position = Position(session.claim.revision, listeners)

        def lost_touch(error: Exception) -> None:
            if isinstance(error, StoreLost):
                committer.lose(error)
                return
            committer.lose(
                StoreLost(
                    f"This controller was cut off from the store for too long ({error}), and what "
                    "it remembers may be wrong. Start it again."
                )
            )

        follower = Follower(server.open_feed, clock, position, lost_touch)
        committer = Committer(
            CommitterOptions(
                server.open_session,
                options.changes_kept,
                options.failover_seconds,
                options.answer_seconds,
            ),
            shapes_of(nouns),
            clock,
            session,
            position,
            follower,
        )
        follower.start()
        return cls(committer, server.reads, follower, listeners)

    async def commit(self, writes: Sequence[Write]) -> Revision:
        if not self._open:
            raise StoreUnavailable("The store is closed. Start the controller again.")
        return await self.committer.submit(writes)

    @property
    def commits(self) -> int:
        """Physical ones of this store object, since it was opened."""
        return self.committer.groups

    async def find(self, noun: Noun[E], id: str) -> E | None:
        return await self._reads.find(noun, id)

    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]:
        assert len(ids) <= PAGE_SIZE_MAX, f"{len(ids)} ids at once"
        return await self._reads.find_many(noun, ids)

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
        # Every id sorts after the empty string.
        start = (after or "") if before is None else before
        return await self._reads.page(
            noun, where, limit=limit, start=start, back=before is not None
        )

    async def count(self, noun: Noun[Any], where: Where) -> int:
        return await self._reads.count(noun, where)

    async def sum(self, noun: Noun[Any], column: str, by: str, where: Where) -> dict[str, float]:
        return await self._reads.sum(noun, column, by, where)

    async def quota(self, owner_id: str) -> list[QuotaRow]:
        return await self._reads.quota(owner_id)

    async def changes(self, since: Revision, *, limit: int) -> list[Change]:
        return (await self._reads.stretch(since, limit)).changes

    async def revision(self) -> Revision:
        return await self._reads.revision()

    def when_lost(self, call: Callable[[], None]) -> None:
        self.committer.when_lost(call)

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        return self._listeners.add(listener)

    async def close(self) -> None:
        if self._open:
            self._open = False
            await self.committer.close()
            await self._follower.close()
            await self._reads.close()


async def _first_session(url: str, nouns: tuple[Noun[Any], ...], clock: Clock) -> WriterSession:
    backoff = Backoff(clock, clock.monotonic() + START_SECONDS)
    while True:
        try:
            async with asyncio.timeout(PREPARE_SECONDS):
                connection = await connect(url, "start")
                try:
                    await prepare(connection, nouns)
                finally:
                    await close(connection)
                return await WriterSession.open(url, nouns, None)
        except CONNECTION_ERRORS as error:
            _log.warning("the store cannot be opened yet: %s", error)
            if not is_lost(error) or not await backoff.pause():
                raise StoreNotReached(
                    f"PostgreSQL at {without_password(url)} cannot be used ({error}). Make sure "
                    "that it runs, that the database exists, and that the role may use it."
                ) from error
