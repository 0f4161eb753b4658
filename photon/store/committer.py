"""Group commit: write-sets that wait together are made durable by one COMMIT.

Statements run on the event loop's own thread: a thread hop for each would cost more than the
statement, and two threads that both want the interpreter slow each other down. COMMIT, which waits
for the disk, runs in a worker (`durably`) while new write-sets gather for the next group.

Each write-set succeeds or fails by itself; whether it did is told only after the COMMIT, for a
refusal may rest upon a row that this very group wrote.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from photon.outside.clock import Clock
from photon.store.durably import Durably
from photon.store.errors import StoreBusy, StoreUnavailable
from photon.store.feed import FeedWriter
from photon.store.pooled import NotTogether
from photon.store.protocol import (
    WRITE_SETS_QUEUED_MAX,
    WRITES_A_SET_MAX,
    Change,
    Revision,
    Write,
)
from photon.store.writes import Refused, Writer

WRITE_SETS_A_COMMIT_MAX: Final = 256  # More would save little of a COMMIT, and each waits for all.
GROUP_SECONDS_MAX: Final = 0.004  # So long may a group's statements hold up the event loop.

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Waiting:
    writes: Sequence[Write]
    told: asyncio.Future[Revision]
    outcome: Revision | Exception | None = None


class Committer:
    """The one writer of a store."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        writer: Writer,
        feed: FeedWriter,
        durably: Durably,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._cursor = connection.cursor()
        self._writer = writer
        self._feed = feed
        self._durably = durably
        self._clock = clock
        self._queue: deque[_Waiting] = deque()
        self._group: list[_Waiting] = []
        self.commits = 0  # physical ones, for figures
        self._changes: list[list[Change]] = []
        self._running = False
        self._idle = asyncio.Event()
        self._idle.set()
        self.tell: Callable[[Sequence[Change]], None] = lambda _: None

    def submit(self, writes: Sequence[Write]) -> asyncio.Future[Revision]:
        """Queues a write-set; the future tells its revision, or why it was refused."""
        assert len(writes) <= WRITES_A_SET_MAX, f"{len(writes)} writes in one set"
        if len(self._queue) >= WRITE_SETS_QUEUED_MAX:
            raise StoreBusy(f"{WRITE_SETS_QUEUED_MAX} write-sets wait already")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(writes, loop.create_future())
        self._queue.append(waiting)
        if not self._running:
            self._running = True
            self._idle.clear()
            # Soon, not now: whoever else is ready to write joins this group.
            loop.call_soon(self._run_group)
        return waiting.told

    async def finish(self) -> None:
        """Returns when nothing waits any more."""
        await self._idle.wait()

    def _run_group(self) -> None:
        self._group, self._changes = [], []
        self._feed.begin()
        try:
            if self._connection.in_transaction:  # A COMMIT failed, and so did its ROLLBACK.
                self._cursor.execute("ROLLBACK")
            self._begin(pooling=True)
            if not self._apply_waiting():
                self._apply_again()
            if self._changes:
                self._feed.record(self._changes)
            else:  # Nothing but refusals: there is nothing to wait for.
                self._cursor.execute("ROLLBACK")
        except Exception as error:  # The edge of the loop: whoever waits must hear of it.
            self._group = self._group or self._take_all()
            self._committed(error)
            return
        if self._changes:
            self.commits += 1
            self._writer.committing()
            self._durably.commit(self._commit, self._committed)
        else:
            self._committed(None)

    def _begin(self, *, pooling: bool) -> None:
        self._cursor.execute("BEGIN IMMEDIATE")
        self._writer.begin(pooling=pooling)

    def _apply_waiting(self) -> bool:
        """Runs what waits, as long as there is time for it; False if it must be run again.

        Most write-sets succeed, or are refused before they have changed anything; so they run
        without savepoints, which cost as much as the writes. When one must be rolled back after
        all, so is the group, and it is run again with savepoints.
        """
        until = self._clock.monotonic() + GROUP_SECONDS_MAX
        while self._queue and len(self._group) < WRITE_SETS_A_COMMIT_MAX:
            waiting = self._queue.popleft()
            if waiting.told.done():  # Its caller was cancelled, and does not want it any more.
                continue
            self._group.append(waiting)
            if not self._apply(waiting):
                return False
            if self._clock.monotonic() > until:
                break
        return self._settle()

    def _settle(self) -> bool:
        try:
            self._writer.settle()
        except NotTogether:
            return False
        return True

    def _apply_again(self) -> None:
        self._cursor.execute("ROLLBACK")
        self._begin(pooling=False)
        self._changes = []
        for waiting in self._group:
            self._cursor.execute("SAVEPOINT write_set")
            kept = self._writer.mark()
            if not self._apply(waiting):
                self._cursor.execute("ROLLBACK TO write_set")
                self._writer.go_back(kept)
            self._cursor.execute("RELEASE write_set")

    def _apply(self, waiting: _Waiting) -> bool:
        """False if the write-set was refused and has left traces, which the caller removes."""
        revision = Revision(self._feed.revision + len(self._changes) + 1)
        try:
            changes = self._writer.apply(waiting.writes, revision)
        except NotTogether:
            return False
        except Refused as refused:
            if not self._connection.in_transaction:  # SQLite gave up all of it: a full disk.
                raise
            waiting.outcome = refused.reason
            return not refused.changed
        waiting.outcome = revision
        self._changes.append(changes)
        return True

    def _commit(self) -> None:
        self._connection.execute("COMMIT")

    def _committed(self, error: BaseException | None) -> None:
        if error is not None:
            _log.error("a group of %d write-sets is not durable: %s", len(self._group), error)
            self._feed.forget()
            self._roll_back()
        elif self._changes:
            self._writer.committed()
            self.tell([change for changes in self._changes for change in changes])
        for waiting in self._group:
            if waiting.told.done():
                continue
            if error is not None:
                waiting.told.set_exception(_unavailable(error))
            elif isinstance(waiting.outcome, sqlite3.OperationalError):
                waiting.told.set_exception(_unavailable(waiting.outcome))
            elif isinstance(waiting.outcome, Exception):
                waiting.told.set_exception(waiting.outcome)
            else:
                assert waiting.outcome is not None, "a write-set of the group was not applied"
                waiting.told.set_result(waiting.outcome)
        self._group, self._changes = [], []
        if self._queue:
            # After those who were just told: what they write next belongs to the next group.
            asyncio.get_running_loop().call_soon(self._run_group)
        else:
            self._running = False
            self._idle.set()

    def _roll_back(self) -> None:
        try:
            if self._connection.in_transaction:
                self._cursor.execute("ROLLBACK")
        except sqlite3.Error:
            _log.exception("the failed group could not be rolled back; the next one tries again")

    def _take_all(self) -> list[_Waiting]:
        waiting = list(self._queue)
        self._queue.clear()
        return waiting


def _unavailable(error: BaseException) -> StoreUnavailable:
    unavailable = StoreUnavailable(
        f"The store cannot write now ({error}). Make sure that its disk has room, then try again."
    )
    unavailable.__cause__ = error
    return unavailable
