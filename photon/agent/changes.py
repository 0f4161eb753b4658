"""What changed on the hosts of this process, in order: the log behind `report`.

A thing that changes twice is in the log once, at its last change, so the log is never longer than
the number of things; and it is bounded, so a reader that stays away too long must start over.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from enum import IntEnum
from itertools import takewhile
from typing import NamedTuple

# A reader that is this many changes behind reads everything anew, which costs about the same.
LOG_ENTRIES_MAX = 100_000


class Changed(IntEnum):
    """What an entry is about."""

    GUEST = 1
    DISK = 2
    HOST = 3  # its mode or its datastores
    ALL = 4  # the host is new to the reader
    ALIVE = 5  # which hosts are alive is another answer than before; of the host itself, nothing


class Entry(NamedTuple):
    """One thing that changed; `name` is a VM's or a disk's id, else empty."""

    address: str
    kind: Changed
    name: str


class ChangeLog:
    """Entries by the sequence number of their last change."""

    def __init__(self, entries_max: int = LOG_ENTRIES_MAX) -> None:
        self._entries: OrderedDict[Entry, int] = OrderedDict()
        self._entries_max = entries_max
        self._last = 0
        self._dropped_to = 0
        # Who waits, and for an entry after which.
        self._waiting: dict[asyncio.Future[None], int] = {}
        self._ended = False

    @property
    def last(self) -> int:
        """The sequence number of the newest entry."""
        return self._last

    def note(self, address: str, kind: Changed, name: str = "") -> None:
        entry = Entry(address, kind, name)
        self._last += 1
        self._entries[entry] = self._last
        self._entries.move_to_end(entry)
        if len(self._entries) > self._entries_max:
            _, self._dropped_to = self._entries.popitem(last=False)
        for waiter, sequence in self._waiting.items():
            if sequence < self._last:
                _wake(waiter)

    def knows_all_since(self, sequence: int) -> bool:
        return self._dropped_to <= sequence <= self._last

    def since(self, sequence: int) -> list[tuple[Entry, int]]:
        """All entries after `sequence`, oldest first."""
        newer = list(takewhile(lambda item: item[1] > sequence, reversed(self._entries.items())))
        newer.reverse()
        return newer

    def end(self) -> None:
        """Nobody waits any more: the process is about to end."""
        self._ended = True
        for waiter in self._waiting:
            _wake(waiter)

    async def wait_past(self, sequence: int, seconds: float) -> None:
        """Returns when there is an entry after `sequence`, or after that time, or at the end."""
        if self._last > sequence or self._ended:
            return
        # By hand, for each agent waits so all the time: a timeout would cancel its own task.
        loop = asyncio.get_running_loop()
        waiter = loop.create_future()
        self._waiting[waiter] = sequence
        timer = loop.call_later(seconds, _wake, waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            del self._waiting[waiter]


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
