"""A store whose every write-set is bound to a right: who has lost it meanwhile changes nothing.

A controller that was frozen for longer than its lease goes on in the middle of a duty, and does not
know that another has it. What it reads then is harmless. What it writes names the right under which
it began, and the store refuses it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from photon.store.protocol import (
    Change,
    CloudStore,
    E,
    Noun,
    Page,
    QuotaRow,
    Require,
    Revision,
    Where,
    Write,
)

Condition = Callable[[], Awaitable[Sequence[Require]]]


class ConditionalStore:
    """`CloudStore`, with `condition` as part of each write-set. `close` leaves the store open."""

    def __init__(self, store: CloudStore, condition: Condition) -> None:
        self._store = store
        self._condition = condition

    async def commit(self, writes: Sequence[Write]) -> Revision:
        return await self._store.commit([*await self._condition(), *writes])

    async def find(self, noun: Noun[E], id: str) -> E | None:
        return await self._store.find(noun, id)

    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]:
        return await self._store.find_many(noun, ids)

    async def page(
        self,
        noun: Noun[E],
        where: Where,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
    ) -> Page[E]:
        return await self._store.page(noun, where, limit=limit, after=after, before=before)

    async def count(self, noun: Noun[Any], where: Where) -> int:
        return await self._store.count(noun, where)

    async def sum(self, noun: Noun[Any], column: str, by: str, where: Where) -> dict[str, float]:
        return await self._store.sum(noun, column, by, where)

    async def quota(self, owner_id: str) -> list[QuotaRow]:
        return await self._store.quota(owner_id)

    async def changes(self, since: Revision, *, limit: int) -> list[Change]:
        return await self._store.changes(since, limit=limit)

    async def revision(self) -> Revision:
        return await self._store.revision()

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        return self._store.subscribe(listener)

    def when_lost(self, call: Callable[[], None]) -> None:
        self._store.when_lost(call)

    async def close(self) -> None: ...
