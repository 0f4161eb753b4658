"""A look: rows of one noun, and what is wrong with them or with what they stand for.

A look can be had again at a few rows alone. What is found in flight once is not found twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from photon.domain.audit import Violation
from photon.domain.guest import Inventory
from photon.domain.host import Host
from photon.store.protocol import CloudStore, E, Noun, Where

PAGE: Final = 200  # Some milliseconds of reading, after which others have their turn.

Check = Callable[[Sequence[Any]], Awaitable[list[Violation]]]
InventoryOf = Callable[[Host], Awaitable[Inventory | None]]  # None: the host says nothing


@dataclass(frozen=True, slots=True)
class Look:
    noun: Noun[Any]
    check: Check
    where: Where = field(default_factory=dict)


async def pages(store: CloudStore, noun: Noun[E], where: Where) -> AsyncIterator[list[E]]:
    after: str | None = None
    while True:
        page = await store.page(noun, where, limit=PAGE, after=after)
        if page.items:
            yield page.items
        if not page.more:
            return
        after = page.items[-1].id


async def rows_of(store: CloudStore, noun: Noun[E], where: Where) -> list[E]:
    return [row async for page in pages(store, noun, where) for row in page]


async def by_id(store: CloudStore, noun: Noun[E], ids: Sequence[str]) -> dict[str, E]:
    found: dict[str, E] = {}
    for start in range(0, len(ids), PAGE):
        found |= {row.id: row for row in await store.find_many(noun, ids[start : start + PAGE])}
    return found
