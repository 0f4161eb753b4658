"""The store as each simulated controller has it: PostgresStore, upon a server in memory.

The truth is one SqliteStore. Groups are applied to it one at a time, as PostgreSQL's function does;
what is asked again, found again, heard late or never told is then decided by the very code that
decides it in earnest (photon.store.postgres: committer, follower; ADR 0026).
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Protocol

from photon.outside.clock import Clock
from photon.simulation.line import Line, Service, later
from photon.simulation.store_ways import StoreWays
from photon.store.errors import FeedTrimmed, StoreBusy, StoreLost
from photon.store.nouns import MEMBERS
from photon.store.postgres.answers import Answer, Outcome
from photon.store.postgres.apply import SUPERSEDED
from photon.store.postgres.driver import PostgresError
from photon.store.postgres.feed import Notified, Stretch
from photon.store.postgres.group import GAP_MAX, Group, Waiting
from photon.store.postgres.session import Claim
from photon.store.postgres.store import PostgresOptions, PostgresStore, Server
from photon.store.protocol import (
    Change,
    CloudStore,
    Noun,
    Revision,
    Update,
)

CHANGES_REMEMBERED: Final = 20_000  # Who is further behind reads the truth's own table.

BEGINNING: Final = Revision(0)
READ_ONLY: Final = "25006"  # read_only_sql_transaction


class Watcher(Protocol):
    def __call__(self, name: str, *, applied: bool) -> bool: ...


@dataclass(slots=True)
class StoreConditions:
    """Beside those of the lines: chances between 0 and 1."""

    notice_seconds_max: float = 0.0  # so late does a notice of something new come
    lost_notices: float = 0.0
    rolled_back: float = 0.0  # the server gives a group up by itself, as for a deadlock
    full: bool = False  # its disk: nothing can be written
    read_only: bool = False  # a standby, or a primary that was demoted while sessions lasted
    stray: float = 0.0  # so many new sessions come to a former primary, which takes no writes


@dataclass(slots=True)
class _Writer:
    """A row of the table `writers`."""

    session: int = 1
    sequence: int = 0
    before: Revision = BEGINNING
    refused: frozenset[int] = frozenset()
    line: Line | None = None


@dataclass(slots=True)
class _Ear:
    """Who listens for notices; `due`: one is on its way to it."""

    line: Line
    notified: Notified
    due: bool = False


@dataclass(slots=True)
class StoreServer:
    """The database server. `truth` is what it keeps; `service` how it is reached."""

    truth: CloudStore
    service: Service
    chance: Random
    conditions: StoreConditions = field(default_factory=StoreConditions)
    options: PostgresOptions = field(default_factory=PostgresOptions)  # of who says nothing else
    # Told of each group by its process's name, before it is applied and after; True loses it.
    watchers: list[Watcher] = field(default_factory=list)
    _writers: dict[str, _Writer] = field(default_factory=dict)
    _made: int = 0  # writers
    _ears: list[_Ear] = field(default_factory=list)
    _recent: list[Change] = field(default_factory=list)
    _unrenewed: set[str] = field(default_factory=set)
    _oldest: Revision = BEGINNING  # after it, `_recent` has all
    _newest: Revision = BEGINNING
    trimmed: Revision = BEGINNING  # of what was up to it nothing is known any more
    _feed_row: asyncio.Lock = field(default_factory=asyncio.Lock)
    _unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        self._oldest = self._newest = await self.truth.revision()
        self._unsubscribe = self.truth.subscribe(self._heard)

    def close(self) -> None:
        """The truth stays open: it is its maker's."""
        self._unsubscribe()

    async def become(self, truth: CloudStore, *, known: Mapping[str, int]) -> None:
        """Another server takes its place, and `truth` is what that has: an older state, perhaps.

        `known`: the sequence of each writer in that state. After a restore it knows none.
        """
        self.service.go_away()
        self._unsubscribe()
        self._writers = {
            writer: _Writer(row.session, known[writer])
            for writer, row in self._writers.items()
            if writer in known
        }
        self._recent.clear()
        self.truth = truth
        await self.start()
        self.trimmed = min(self.trimmed, self._newest)
        self.service.come_back()

    def sequences(self) -> dict[str, int]:
        """How many groups of each writer were applied."""
        return {writer: row.sequence for writer, row in self._writers.items()}

    async def open(
        self,
        name: str,
        nouns: tuple[Noun[Any], ...],
        clock: Clock,
        options: PostgresOptions | None = None,
    ) -> PostgresStore:
        """The store of the process `name`, whose earlier lines break.

        Raises:
            StoreNotReached: the server does not answer in START_SECONDS.
        """
        self.service.forget(name)
        ways = StoreWays(self, name, clock)
        server = Server(ways.session, ways.feed, ways)
        session = await ways.first_session()
        return PostgresStore.upon(server, session, nouns, clock, options or self.options)

    def refuse_renewals(self, name: str) -> None:
        """Of its lease, of the process `name`; it writes everything else as before."""
        self._unrenewed.add(name)

    def allow_renewals(self, name: str) -> None:
        self._unrenewed.discard(name)

    # What sessions ask of it

    async def claim(self, line: Line, writer: str | None) -> Claim:
        async with self._feed_row:
            if self.conditions.read_only or self.chance.random() < self.conditions.stray:
                raise _refusal(READ_ONLY, "cannot execute UPDATE in a read-only transaction")
            if writer is None:
                self._made += 1
                writer = f"writer-{self._made}"
                row = self._writers[writer] = _Writer()
            else:
                if writer not in self._writers:
                    raise StoreLost("the database does not know this writer any more")
                row = self._writers[writer]
                row.session += 1
                if row.line is not None and row.line is not line:
                    row.line.drop()
            row.line = line
            revision = await self.truth.revision()
            return Claim(writer, row.session, row.sequence, row.before, row.refused, revision)

    async def apply(self, claim: Claim, group: Group, sequence: int, since: Revision) -> Answer:
        async with self._feed_row:
            row = self._writers[claim.id]
            if row.session != claim.session or row.sequence != sequence - 1:
                raise _refusal(SUPERSEDED, "another session writes for this store object")
            if self._watched(row, applied=False):
                raise ConnectionResetError("the server's end of the line is gone")
            if self.conditions.read_only:
                raise _refusal(READ_ONLY, "cannot execute UPDATE in a read-only transaction")
            if self.conditions.full:
                raise _refusal("53100", "no space left on device")
            if self.conditions.rolled_back and self.chance.random() < self.conditions.rolled_back:
                raise _refusal("40P01", "deadlock detected")
            outcomes = await self._outcomes(group, unrenewed=self._is_unrenewed(row))
            revisions = [end for end in outcomes if not isinstance(end, Exception)]
            before = last = await self.truth.revision()
            if revisions:
                before, last = Revision(revisions[0] - 1), revisions[-1]
                assert last - before == len(revisions), "somebody wrote to the truth in between"
                row.sequence, row.before = sequence, before
                row.refused = frozenset(
                    [n for n, end in enumerate(outcomes, 1) if isinstance(end, Exception)]
                )
                self._newest = last
                self._tell_ears()
            self._watched(row, applied=True)
            gap = None
            known = max(self._oldest, self.trimmed)
            if known <= since and before - since <= GAP_MAX:
                gap = self._between(since, before)
            return Answer(before, last, self.trimmed, outcomes, self._between(before, last), gap)

    def _is_unrenewed(self, row: _Writer) -> bool:
        return row.line is not None and row.line.name in self._unrenewed

    def _watched(self, row: _Writer, *, applied: bool) -> bool:
        if not self.watchers or row.line is None:
            return False
        told = [watch(row.line.name, applied=applied) for watch in tuple(self.watchers)]
        return any(told)

    async def _outcomes(self, group: Group, *, unrenewed: bool) -> list[Outcome]:
        if len(group.waiting) == 1 and not unrenewed:
            try:
                return [await self.truth.commit(group.waiting[0].writes)]
            except Exception as refusal:  # It is told to who asked, whatever it is.
                return [refusal]
        ends = await asyncio.gather(
            *[
                _no_renewal()
                if unrenewed and _renews(waiting)
                else self.truth.commit(waiting.writes)
                for waiting in group.waiting
            ],
            return_exceptions=True,
        )
        outcomes: list[Outcome] = []
        for end in ends:
            assert isinstance(end, (int, Exception)), "nothing is cancelled here"
            outcomes.append(end)
        return outcomes

    # The feed

    def listen(self, line: Line, notified: Notified) -> None:
        self._ears = [ear for ear in self._ears if not ear.line.broken]
        self._ears.append(_Ear(line, notified))

    async def trim(self, kept: int) -> None:
        """All but the newest revisions are forgotten, as when more came than the feed keeps."""
        newest = await self.truth.revision()
        self.trimmed = max(self.trimmed, Revision(newest - kept))

    async def stretch(self, since: Revision, limit: int) -> Stretch:
        """See StoreReads. Raises FeedTrimmed."""
        newest = await self.truth.revision()
        if since < self.trimmed:
            raise FeedTrimmed(self.trimmed)
        if since < self._oldest:
            changes = await self.truth.changes(since, limit=limit)
        else:
            changes = self._between(since, newest)
        if len(changes) <= limit:
            return Stretch(changes, newest, newest)
        upto = changes[limit - 1].revision
        if changes[limit].revision == upto:  # never divided
            upto = next((c.revision for c in reversed(changes[:limit]) if c.revision < upto), upto)
        whole = [change for change in changes if change.revision <= upto]
        return Stretch(whole, upto, newest)

    def _heard(self, changes: Sequence[Change]) -> None:
        self._recent += changes
        if len(self._recent) > 2 * CHANGES_REMEMBERED:
            self._oldest = self._recent[CHANGES_REMEMBERED].revision
            self._recent = [c for c in self._recent if c.revision > self._oldest]

    def _between(self, since: Revision, upto: Revision) -> list[Change]:
        low = bisect_left(self._recent, since + 1, key=_revision)
        high = bisect_left(self._recent, upto + 1, key=_revision)
        return self._recent[low:high]

    def _tell_ears(self) -> None:
        for ear in tuple(self._ears):
            if ear.line.broken:
                self._ears.remove(ear)
            elif not ear.due and not self.service.is_cut(ear.line.name):
                if self.chance.random() < self.conditions.lost_notices:
                    continue
                ear.due = True
                late = self.chance.uniform(0.0, self.conditions.notice_seconds_max)
                later(self.service.seconds() + late, self._notify, ear)

    def _notify(self, ear: _Ear) -> None:
        ear.due = False
        if not ear.line.broken:
            ear.notified(self._newest)


def _revision(change: Change) -> int:
    return change.revision


def _renews(waiting: Waiting) -> bool:
    return any(isinstance(write, Update) and write.noun is MEMBERS for write in waiting.writes)


async def _no_renewal() -> Revision:
    raise StoreBusy("the row is held by somebody else")


def _refusal(state: str, text: str) -> Exception:
    error = PostgresError(text)
    error.sqlstate = state
    return error
