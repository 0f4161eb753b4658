"""Group commit over a network: what waits is sent as one call, and is durable when it is answered.

One group is under way at a time, and the next gathers meanwhile. When the connection is lost before
the answer, a new session finds out whether the group happened: it is never applied twice, and
nobody is told that it failed while it may be durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from photon.outside.clock import Clock
from photon.store.errors import StoreBusy, StoreLost, StoreOutcomeUnknown, StoreUnavailable
from photon.store.postgres.answers import Answer, Outcome
from photon.store.postgres.apply import SUPERSEDED
from photon.store.postgres.connections import ANSWER_SECONDS, Backoff, is_lost, unavailable
from photon.store.postgres.driver import DataError, PostgresError
from photon.store.postgres.feed import Follower, Position, check_not_back
from photon.store.postgres.group import Group, Waiting
from photon.store.postgres.session import Claim, OpenSession, Session
from photon.store.postgres.shapes import Shape
from photon.store.protocol import (
    WRITE_SETS_QUEUED_MAX,
    WRITES_A_SET_MAX,
    Noun,
    Revision,
    Write,
)

WRITE_SETS_A_GROUP_MAX: Final = 256  # As in SQLite. So many take the server some 20 ms.
WRITES_A_GROUP_MAX: Final = 2_000  # Two of the largest write-sets, or 256 of the usual ones.
BYTES_A_GROUP_MAX: Final = 4_000_000  # A second on a slow network.
TRIES_MAX: Final = 5  # The server rolled back by itself, which groups one by one give no cause for.
# A failover takes Patroni its lease, 30 s by default, and some seconds to promote.
FAILOVER_SECONDS: Final = 60.0

# serialization_failure, deadlock_detected, lock_not_available, query_canceled: nothing was done.
_ROLLED_BACK: Final = frozenset({"40001", "40P01", "55P03", "57014"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CommitterOptions:
    """`changes_kept` revisions stay in the feed; a write waits `failover_seconds` for a server.

    Who has not answered a group in `answer_seconds` is taken for cut off, or frozen.
    """

    open_session: OpenSession
    changes_kept: int
    failover_seconds: float = FAILOVER_SECONDS
    answer_seconds: float = ANSWER_SECONDS


class Committer:
    """The one writer of a store object."""

    def __init__(  # noqa: PLR0913  # each is another thing
        self,
        options: CommitterOptions,
        shapes: Mapping[Noun[Any], Shape[Any]],
        clock: Clock,
        session: Session,
        position: Position,
        follower: Follower,
    ) -> None:
        self._options = options
        self._shapes = shapes
        self._clock = clock
        self._session: Session | None = session
        self._writer = session.claim.id
        self._sequence = session.claim.sequence
        self._position = position
        self._follower = follower
        self._queue: deque[Waiting] = deque()
        self._running: asyncio.Task[None] | None = None
        self.lost: StoreLost | None = None
        self._when_lost: Callable[[], None] = lambda: None
        self._calling = False
        follower.spared(lambda: self._calling)
        self.groups = 0  # round trips that answered, for tests and figures

    def submit(self, writes: Sequence[Write]) -> asyncio.Future[Revision]:
        """Queues a write-set; the future tells its revision, or why it was refused."""
        assert len(writes) <= WRITES_A_SET_MAX, f"{len(writes)} writes in one set"
        if self.lost is not None:
            raise StoreLost(str(self.lost)) from self.lost
        if len(self._queue) >= WRITE_SETS_QUEUED_MAX:
            raise StoreBusy(f"{WRITE_SETS_QUEUED_MAX} write-sets wait already")
        told: asyncio.Future[Revision] = asyncio.get_running_loop().create_future()
        until = self._clock.monotonic() + self._options.failover_seconds
        self._queue.append(Waiting(writes, told, until))
        if self._running is None:
            # Soon, not now: whoever else is ready to write joins this group.
            self._running = asyncio.create_task(self._run(), name="photon-store-commit")
        return told

    def when_lost(self, call: Callable[[], None]) -> None:
        self._when_lost = call
        if self.lost is not None:
            call()

    def lose(self, lost: StoreLost) -> None:
        """Nothing is committed any more, and the process is told to end."""
        if self.lost is None:
            _log.critical("%s", lost)
            self.lost = lost
            self._when_lost()

    async def close(self) -> None:
        """Finishes what waits."""
        if self._running is not None:
            await self._running
        if self._session is not None:
            await self._session.close()

    async def _run(self) -> None:
        try:
            while self._queue:
                group = self._gather()
                if group.waiting:
                    await self._commit(group)
                # After those who were just told: what they write next belongs to the next group.
                await asyncio.sleep(0)
        finally:
            self._running = None

    def _gather(self) -> Group:
        group = Group(self._shapes)
        while self._queue and len(group.waiting) < WRITE_SETS_A_GROUP_MAX:
            waiting = self._queue[0]
            full = len(group.arrays.kinds) + len(waiting.writes) > WRITES_A_GROUP_MAX
            if group.waiting and (full or group.bytes > BYTES_A_GROUP_MAX):
                break
            self._queue.popleft()
            if waiting.told.done():  # Its caller was cancelled, and does not want it any more.
                continue
            try:
                group.add(waiting)
            except Exception as error:  # The edge of a write-set: its caller must hear of it.
                waiting.told.set_exception(error)
        return group

    async def _commit(self, group: Group) -> None:
        try:
            answer = await self._until_answered(group)
        except DataError as error:
            await self._one_by_one(group, error)
            return
        except Exception as error:  # The edge of the group: whoever waits must hear of it.
            _log.error("a group of %d write-sets is not durable: %s", len(group.waiting), error)
            kind = type(error) if isinstance(error, StoreUnavailable) else StoreUnavailable
            _tell(group, [kind(str(error)) for _ in group.waiting])
            return
        if answer is not None:
            await self._heard(answer)
            _tell(group, answer.outcomes)

    async def _one_by_one(self, group: Group, error: Exception) -> None:
        """One of them holds what cannot even be sent; it fails alone."""
        if len(group.waiting) == 1:
            _tell(group, [error])
            return
        for waiting in group.waiting:
            alone = Group(self._shapes)
            alone.add(waiting)
            await self._commit(alone)

    async def _heard(self, answer: Answer) -> None:
        """Listeners hear of what was committed before, then of this."""
        if answer.gap is None:
            await self._follower.reach(answer.last)
        else:
            self._position.advance([*answer.gap, *answer.changes], answer.last)
        self._follower.settle()

    async def _until_answered(self, group: Group) -> Answer | None:
        """None: it was found to have happened, and everybody was told."""
        backoff = Backoff(self._clock, max(waiting.until for waiting in group.waiting))
        sent_as: int | None = None
        tries = 0
        while True:
            try:
                session = await self._connected()
                if sent_as is not None and session.claim.sequence == sent_as:
                    await self._found(group, session.claim)
                    return None
                sent_as = self._sequence + 1
                return await self._apply(session, group, sent_as)
            except DataError:
                raise
            except Exception as error:  # Judged here: lost, rolled back, or for the caller.
                if getattr(error, "sqlstate", None) in _ROLLED_BACK:
                    sent_as, tries = None, tries + 1
                elif is_lost(error) or _is_superseded(error):
                    self._drop()
                elif isinstance(error, PostgresError):
                    raise _refused(error) from error
                else:
                    self._drop()
                    raise
                _log.warning(
                    "a commit of %d is tried again: %s", len(group.waiting), error or repr(error)
                )
                if tries >= TRIES_MAX or not await backoff.pause():
                    raise _given_up(error, sent=sent_as is not None) from error

    async def _apply(self, session: Session, group: Group, sequence: int) -> Answer:
        since = self._position.revision
        calling = asyncio.ensure_future(
            session.apply(group, sequence, since, self._options.changes_kept)
        )
        self._calling = True
        try:
            done, _ = await asyncio.wait({calling}, timeout=self._options.answer_seconds)
        finally:
            self._calling = False
        if not done:
            session.drop()
            await asyncio.gather(calling, return_exceptions=True)
            raise TimeoutError(f"no answer in {self._options.answer_seconds:.0f} s")
        answer = calling.result()
        self.groups += 1
        if answer.last > answer.before:
            self._sequence = sequence
        return answer

    async def _connected(self) -> Session:
        if self.lost is not None:
            raise self.lost
        if self._session is None:
            # Before, for others go on committing, and are heard of, while this one connects.
            told = self._position.revision
            try:
                async with asyncio.timeout(self._options.answer_seconds):
                    session = await self._options.open_session(self._writer)
                try:
                    check_not_back(session.claim.revision, told)
                except StoreLost:
                    await session.close()
                    raise
            except StoreLost as problem:
                self.lose(problem)
                raise
            self._session, self._sequence = session, session.claim.sequence
        return self._session

    async def _found(self, group: Group, claim: Claim) -> None:
        """It happened. Those that it refused changed nothing, and are asked again."""
        await self._follower.reach(claim.revision)
        revision = claim.before
        again: list[Waiting] = []
        for number, waiting in enumerate(group.waiting, 1):
            if number in claim.refused:
                again.append(waiting)
                continue
            revision = Revision(revision + 1)
            if not waiting.told.done():
                waiting.told.set_result(revision)
        self._queue.extendleft(reversed(again))

    def _drop(self) -> None:
        if self._session is not None:
            self._session.drop()
            self._session = None


def _given_up(error: Exception, *, sent: bool) -> StoreUnavailable:
    if not sent:
        return unavailable(error)
    return StoreOutcomeUnknown(
        f"PostgreSQL went away in the middle of a commit ({error}), and did not come back in "
        "time. What was asked for may have been done: look before you ask again."
    )


def _refused(error: Exception) -> StoreUnavailable:
    return StoreUnavailable(
        f"PostgreSQL cannot write now ({error}). Make sure that its disk has room and that "
        "the role may write, then try again."
    )


def _is_superseded(error: Exception) -> bool:
    return getattr(error, "sqlstate", None) == SUPERSEDED


def _tell(group: Group, outcomes: Sequence[Outcome]) -> None:
    for waiting, outcome in zip(group.waiting, outcomes, strict=True):
        if waiting.told.done():
            continue
        if isinstance(outcome, Exception):
            waiting.told.set_exception(outcome)
        else:
            waiting.told.set_result(outcome)
