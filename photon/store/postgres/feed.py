"""The change feed of many writers: what others commit is heard, in its place among what is own.

A notification says that there is something new; it is read from the feed's table. Should one be
lost, the next look comes POLL_SECONDS later. Own commits bring along what was committed before
them, so that nobody waits for that, and nobody looks for it meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from photon.outside.clock import Clock
from photon.store.errors import FeedTrimmed, StoreLost
from photon.store.feed import Listeners
from photon.store.postgres.apply import CHANNEL
from photon.store.postgres.connections import CONNECT_SECONDS, Backoff, connect, is_lost
from photon.store.postgres.driver import Connection
from photon.store.protocol import Change, Revision

POLL_SECONDS: Final = 1.0  # So late may a change be heard when its notification is lost.
READ_SECONDS: Final = 5.0  # Longer, and the connection is taken for dead.
OPEN_SECONDS: Final = CONNECT_SECONDS + READ_SECONDS  # What it waits for inside has its own bounds.
CHANGES_A_READ: Final = 2_000  # Some 5 ms of the event loop.

_log = logging.getLogger(__name__)

# In one snapshot: how far the feed is, and what comes after `since`.
_SINCE: Final = (
    "SELECT feed.revision AS newest, feed.trimmed, c.* FROM feed LEFT JOIN"
    " (SELECT revision, noun, id, generation, n FROM changes WHERE revision > $1"
    " ORDER BY revision, n LIMIT $2) AS c ON true WHERE one = 1 ORDER BY c.revision, c.n"
)
_OF_ONE: Final = "SELECT revision, noun, id, generation FROM changes WHERE revision = $1 ORDER BY n"


@dataclass(frozen=True, slots=True)
class Stretch:
    """All changes after the revision that was asked for, up to `upto`."""

    changes: list[Change]
    upto: Revision
    newest: Revision


# Told up to which revision there is something new; None: it was not said.
Notified = Callable[[Revision | None], None]


class FeedLine(Protocol):
    """A line to the server that news come along."""

    async def read(self, since: Revision, limit: int) -> Stretch:
        """See `read_since`."""
        ...

    def drop(self) -> None: ...


OpenFeed = Callable[[Notified], Awaitable[FeedLine]]


class FeedConnection:
    """See FeedLine."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    async def open(cls, url: str, notified: Notified) -> FeedConnection:
        connection = await connect(url, "feed")

        def heard(connection: Any, pid: int, channel: str, payload: object) -> None:
            text = str(payload)
            notified(Revision(int(text)) if text.isdigit() else None)

        try:
            await connection.add_listener(CHANNEL, heard)
        except BaseException:
            connection.terminate()
            raise
        return cls(connection)

    async def read(self, since: Revision, limit: int) -> Stretch:
        return await read_since(self._connection, since, limit)

    def drop(self) -> None:
        self._connection.terminate()


async def read_since(connection: Connection, since: Revision, limit: int) -> Stretch:
    """See CloudStore.changes.

    Raises:
        FeedTrimmed: the feed no longer reaches back so far.
    """
    rows = await connection.fetch(_SINCE, since, limit + 1)
    newest, trimmed = Revision(rows[0]["newest"]), rows[0]["trimmed"]
    if since < trimmed:
        raise FeedTrimmed(trimmed)
    if rows[0]["revision"] is None:
        return Stretch([], newest, newest)
    if len(rows) <= limit:
        return Stretch([_change(row) for row in rows], newest, newest)
    # The last revision may have more rows than were read: leave it to the next call, unless it is
    # the only one.
    last = rows[-1]["revision"]
    whole = [_change(row) for row in rows if row["revision"] != last]
    if not whole:
        whole = [_change(row) for row in await connection.fetch(_OF_ONE, last)]
    return Stretch(whole, whole[-1].revision, newest)


def _change(row: Any) -> Change:
    return Change(Revision(row["revision"]), row["noun"], row["id"], row["generation"])


class Position:
    """Up to where this process has told its listeners."""

    def __init__(self, revision: Revision, listeners: Listeners) -> None:
        self.revision = revision
        self._listeners = listeners

    def advance(self, changes: Sequence[Change], upto: Revision) -> None:
        """Tells of what is new. `changes` are all from some told revision on, up to `upto`."""
        if upto <= self.revision:
            return
        new = [change for change in changes if change.revision > self.revision]
        self.revision = upto
        if new:
            self._listeners.tell(new)


def check_not_back(newest: Revision, told: Revision) -> None:
    """Raises StoreLost: the server is at a revision before one that it has told of."""
    if newest < told:
        raise StoreLost(
            f"The database is at revision {newest}, and was at {told}: commits that it "
            "acknowledged are lost. Start the controllers again, and let standbys be synchronous."
        )


class Follower:
    """Hears what other processes commit, on a connection of its own.

    `broken` is told, once, of a feed that cannot be followed any more: FeedTrimmed, or StoreLost.
    """

    def __init__(
        self,
        open_line: OpenFeed,
        clock: Clock,
        position: Position,
        broken: Callable[[Exception], None],
    ) -> None:
        self._open_line = open_line
        self._clock = clock
        self._position = position
        self._broken = broken
        self._new = asyncio.Event()
        self._moved = asyncio.Event()
        self._ended = False
        self._told_of = 0  # by notifications
        self._comes_along: Callable[[], bool] = lambda: False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._follow(), name="photon-store-feed")

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def spared(self, while_: Callable[[], bool]) -> None:
        """Notifications that come meanwhile wake nobody: what they tell of comes along with an
        answer that is on its way. `settle` is called when it is there."""
        self._comes_along = while_

    def settle(self) -> None:
        """An answer came: has all come along that was told of?"""
        if self._told_of > self._position.revision:
            self._new.set()

    def look(self) -> None:
        """Something is known to be new."""
        self._new.set()

    async def reach(self, revision: Revision) -> None:
        """Returns when listeners have been told up to `revision`, or nobody ever will tell them."""
        while self._position.revision < revision and not self._ended:
            self._moved.clear()
            self._new.set()
            await self._moved.wait()

    async def _follow(self) -> None:
        backoff = Backoff(self._clock, float("inf"))
        while True:
            line: FeedLine | None = None
            try:
                async with asyncio.timeout(OPEN_SECONDS):
                    line = await self._open_line(self._notified)
                while True:
                    await self._catch_up(line)
                    backoff = Backoff(self._clock, float("inf"))
                    await self._wait()
            except (FeedTrimmed, StoreLost) as error:
                self._broken(error)
                self._ended = True
                self._moved.set()
                return
            except Exception as error:  # The edge of the task: it must outlive any failure.
                if not is_lost(error):
                    _log.exception("the change feed could not be read")
                _log.warning("the change feed is interrupted: %s", error)
            finally:
                if line is not None:
                    line.drop()
            await backoff.pause()

    async def _catch_up(self, line: FeedLine) -> None:
        while True:
            self._new.clear()
            since = self._position.revision
            async with asyncio.timeout(READ_SECONDS):
                stretch = await line.read(since, CHANGES_A_READ)
            # Who commits nothing would hear nothing of it, and believe for ever what never was.
            check_not_back(stretch.newest, since)
            self._position.advance(stretch.changes, stretch.upto)
            self._moved.set()
            if stretch.upto >= stretch.newest:
                return

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._new.wait()
        except TimeoutError:
            pass

    def _notified(self, revision: Revision | None) -> None:
        if revision is None:
            self._new.set()
            return
        self._told_of = max(self._told_of, revision)
        if self._told_of > self._position.revision and not self._comes_along():
            self._new.set()
