"""Who watches at this controller: how many may, and how each hears that there is something new.

Nothing is queued for anybody. A watcher is only woken; it then reads the change feed from where it
is, so that a slow one costs no more memory than a quick one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Final

from photon.api.edge_errors import TooManyWatchers
from photon.store.protocol import Change, CloudStore

WATCHERS_MAX: Final = 1_000  # Each may read the feed 50 times a second; more would slow requests.


class Watcher:
    """`over`: there is nobody to tell any more, or the controller stops (`stopping`)."""

    __slots__ = ("_woken", "nouns", "over", "stopping")

    def __init__(self, nouns: Collection[str]) -> None:
        self.nouns = nouns
        self.over = False
        self.stopping = False
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        self.over = True
        self._woken.set()

    def look(self) -> None:
        """What comes from here on wakes it."""
        if not self.over:
            self._woken.clear()

    async def woken(self, seconds: float) -> bool:
        """Whether something came within `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return False
        return True


class Watches:
    def __init__(self, store: CloudStore, *, watchers_max: int = WATCHERS_MAX) -> None:
        self.watchers_max = watchers_max
        self._watchers: dict[Watcher, None] = {}  # in the order of coming
        self._closed = False
        self._unsubscribe = store.subscribe(self._changed)

    @property
    def count(self) -> int:
        """How many watch now."""
        return len(self._watchers)

    def enter(self, watcher: Watcher) -> None:
        """Raises TooManyWatchers."""
        if self._closed or len(self._watchers) >= self.watchers_max:
            raise TooManyWatchers(self.watchers_max)
        self._watchers[watcher] = None

    def leave(self, watcher: Watcher) -> None:
        self._watchers.pop(watcher, None)

    def close(self) -> None:
        """Ends all streams, and takes no more: the server is about to stop."""
        self._closed = True
        self._unsubscribe()
        for watcher in self._watchers:
            watcher.stopping = True
            watcher.end()

    def _changed(self, changes: Sequence[Change]) -> None:
        if not self._watchers:
            return
        nouns = {change.noun for change in changes}
        for watcher in self._watchers:
            if not nouns.isdisjoint(watcher.nouns):
                watcher.wake()
