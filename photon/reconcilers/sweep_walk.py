"""Going through a whole table a part at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, Generic, TypeVar

from photon.store.protocol import PAGE_SIZE_MAX, CloudStore, Entity, Noun

PAGES_A_PASS_MAX: Final = 10  # Reading these holds up everybody else for 50 ms, in parts of 5.

E = TypeVar("E", bound=Entity)


class Walk(Generic[E]):
    """Each pass goes on where the last one stopped, and begins again after the end."""

    def __init__(self, store: CloudStore, noun: Noun[E]) -> None:
        self._store = store
        self._noun = noun
        self._after: str | None = None

    async def one_pass(self) -> AsyncIterator[list[E]]:
        """Up to PAGES_A_PASS_MAX pages of rows."""
        for _ in range(PAGES_A_PASS_MAX):
            page = await self._store.page(self._noun, {}, limit=PAGE_SIZE_MAX, after=self._after)
            self._after = page.items[-1].id if page.more else None
            if page.items:
                yield page.items
            if not page.more:
                return
