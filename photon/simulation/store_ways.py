"""How one process speaks to the simulated database server: its sessions, its feed, its reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from photon.outside.clock import Clock
from photon.simulation.line import Line
from photon.store.errors import StoreNotReached, StoreUnavailable
from photon.store.postgres.answers import Answer
from photon.store.postgres.connections import ANSWER_SECONDS, Backoff, is_lost, unavailable
from photon.store.postgres.feed import Notified, Stretch
from photon.store.postgres.group import Group
from photon.store.postgres.reads import READ_RETRY_SECONDS
from photon.store.postgres.session import Claim, Session
from photon.store.postgres.store import START_SECONDS
from photon.store.protocol import E, Noun, Page, QuotaRow, Revision, Where

if TYPE_CHECKING:
    from photon.simulation.store import StoreServer

T = TypeVar("T")


class StoreWays:
    """Of the process `name`. See Server: its first three members, and Reads."""

    def __init__(self, server: StoreServer, name: str, clock: Clock) -> None:
        self._server = server
        self._service = server.service
        self._name = name
        self._clock = clock
        self._closed = False

    async def first_session(self) -> Session:
        """Raises StoreNotReached: the server does not answer in START_SECONDS."""
        backoff = Backoff(self._clock, self._clock.monotonic() + START_SECONDS)
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self.session(None)
            except Exception as error:  # Judged here: only what was lost is tried again.
                if not is_lost(error):
                    raise
                if not await backoff.pause():
                    raise StoreNotReached(f"The store does not answer ({error}).") from error

    async def session(self, writer: str | None) -> Session:
        line = await self._service.line(self._name)
        claim = await line.ask(self._server.claim, line, writer)
        return _Session(self._server, line, claim)

    async def feed(self, notified: Notified) -> _FeedLine:
        line = await self._service.line(self._name)
        self._server.listen(line, notified)
        return _FeedLine(self._server, line)

    # Reads: each sees some moment between its question and its answer

    async def find(self, noun: Noun[E], id: str) -> E | None:
        return await self._read(lambda: self._server.truth.find(noun, id))

    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]:
        return await self._read(lambda: self._server.truth.find_many(noun, ids))

    async def page(
        self, noun: Noun[E], where: Where, *, limit: int, start: str, back: bool
    ) -> Page[E]:
        after, before = (None, start) if back else (start, None)
        return await self._read(
            lambda: self._server.truth.page(noun, where, limit=limit, after=after, before=before)
        )

    async def count(self, noun: Noun[Any], where: Where) -> int:
        return await self._read(lambda: self._server.truth.count(noun, where))

    async def sum(self, noun: Noun[Any], column: str, by: str, where: Where) -> dict[str, float]:
        return await self._read(lambda: self._server.truth.sum(noun, column, by, where))

    async def quota(self, owner_id: str) -> list[QuotaRow]:
        return await self._read(lambda: self._server.truth.quota(owner_id))

    async def stretch(self, since: Revision, limit: int) -> Stretch:
        return await self._read(lambda: self._server.stretch(since, limit))

    async def revision(self) -> Revision:
        return await self._read(self._server.truth.revision)

    async def close(self) -> None:
        self._closed = True

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        if self._closed:
            raise StoreUnavailable("The store is closed. Start the controller again.")
        backoff: Backoff | None = None
        while True:
            try:
                return await self._read_once(read)
            except Exception as error:  # Judged here: only what was lost is tried again.
                if not is_lost(error):
                    raise
                if backoff is None:
                    until = self._clock.monotonic() + READ_RETRY_SECONDS
                    backoff = Backoff(self._clock, until)
                if not await backoff.pause():
                    raise unavailable(error) from error

    async def _read_once(self, read: Callable[[], Awaitable[T]]) -> T:
        """The truth's reads never wait, so that nothing is left behind when the process dies."""
        service = self._service
        if service.is_cut(self._name):
            await asyncio.sleep(READ_RETRY_SECONDS)
            raise TimeoutError("no answer")
        chance, conditions = service.chance, service.conditions
        fate = chance.random()
        early = await read() if fate < 0.5 and not service.away else None
        await asyncio.sleep(service.seconds() + service.seconds())
        await service.moving()
        lost = conditions.lost_questions + conditions.lost_answers
        if service.away or (lost and chance.random() < lost):
            raise ConnectionResetError("the line to the store broke")
        return await read() if early is None else early


class _Session:
    """See Session."""

    def __init__(self, server: StoreServer, line: Line, claim: Claim) -> None:
        self._server = server
        self._line = line
        self.claim = claim

    async def apply(self, group: Group, sequence: int, since: Revision, kept: int) -> Answer:
        return await self._line.ask(self._server.apply, self.claim, group, sequence, since)

    def drop(self) -> None:
        self._line.drop()

    async def close(self) -> None:
        self._line.drop()


class _FeedLine:
    """See FeedLine."""

    def __init__(self, server: StoreServer, line: Line) -> None:
        self._server = server
        self._line = line

    async def read(self, since: Revision, limit: int) -> Stretch:
        return await self._line.ask(self._server.stretch, since, limit)

    def drop(self) -> None:
        self._line.drop()
