"""Locks by name, which exist only while somebody holds or wants them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from photon.domain.guest import AgentRefusal, Refusal

# Of one host at a time, waiting ones too. A host does a handful of these a second.
OPERATIONS_MAX = 256


class _Lock:
    __slots__ = ("lock", "wanted_by")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.wanted_by = 0


class KeyLocks:
    """Whoever takes several keys takes them in the same order as everybody, so nobody deadlocks."""

    __slots__ = ("_locks", "_operations", "_operations_max")

    def __init__(self, operations_max: int = OPERATIONS_MAX) -> None:
        self._locks: dict[str, _Lock] = {}
        self._operations = 0
        self._operations_max = operations_max

    @asynccontextmanager
    async def holding(self, *keys: str) -> AsyncIterator[None]:
        """Refusal BUSY if too many hold or wait for keys already."""
        if self._operations >= self._operations_max:
            message = "This host has all the operations that it can do at a time; try again."
            raise Refusal(AgentRefusal.BUSY, message, operations_max=self._operations_max)
        self._operations += 1
        wanted = [self._want(key) for key in sorted(set(keys))]
        taken: list[_Lock] = []
        try:
            for each in wanted:
                await each.lock.acquire()
                taken.append(each)
            yield
        finally:
            self._operations -= 1
            for each in taken:
                each.lock.release()
            for key in set(keys):  # any order: nobody is woken by this
                self._leave(key)

    def _want(self, key: str) -> _Lock:
        lock = self._locks.setdefault(key, _Lock())
        lock.wanted_by += 1
        return lock

    def _leave(self, key: str) -> None:
        lock = self._locks[key]
        lock.wanted_by -= 1
        if lock.wanted_by == 0:
            del self._locks[key]
