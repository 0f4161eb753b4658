"""Long polls: a request that waits for the end of a task, woken by the change feed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from photon.domain.task import Task
from photon.store.nouns import TASKS
from photon.store.protocol import Change, CloudStore

WAITERS_MAX: Final = 10_000  # Each is a connection and about 10 KB; more are answered at once.


class _Waiter:
    """One request that waits. It is woken by a change of its task, or when its time is up."""

    __slots__ = ("_loop", "_woken", "over")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._woken = loop.create_future()
        self.over = False

    def wake(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    def end(self) -> None:
        self.over = True
        self.wake()

    async def woken(self) -> None:
        """Returns at once if it was woken since the last time."""
        await self._woken
        self._woken = self._loop.create_future()


class TaskWaiting:
    """See TaskEnds. One listener of the feed wakes all who wait for a task that changed."""

    def __init__(self, store: CloudStore, *, waiters_max: int = WAITERS_MAX) -> None:
        self._store = store
        self._waiters_max = waiters_max
        self._waiting: dict[str, dict[_Waiter, None]] = {}  # by task, in the order of coming
        self._count = 0
        self._closed = False
        self._unsubscribe = store.subscribe(self._changed)

    @property
    def count(self) -> int:
        """How many wait now."""
        return self._count

    async def ended(self, task_id: str, *, seconds: float) -> Task | None:
        task = await self._store.find(TASKS, task_id)
        if task is None or task.ended or seconds <= 0 or self._closed:
            return task
        if self._count >= self._waiters_max:
            return task
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop)
        self._count += 1
        self._waiting.setdefault(task_id, {})[waiter] = None
        timer = loop.call_later(seconds, waiter.end)
        try:
            # Read once more now that it is known whom to wake, so that no end is missed.
            task = await self._store.find(TASKS, task_id)
            while task is not None and not task.ended and not waiter.over and not self._closed:
                await waiter.woken()
                task = await self._store.find(TASKS, task_id)
        finally:
            timer.cancel()
            self._count -= 1
            self._leave(task_id, waiter)
        return task

    def close(self) -> None:
        """Answers all who wait, and takes no more: the server is about to stop."""
        self._closed = True
        self._unsubscribe()
        for waiting in self._waiting.values():
            for waiter in waiting:
                waiter.wake()

    def _leave(self, task_id: str, waiter: _Waiter) -> None:
        waiting = self._waiting[task_id]
        waiting.pop(waiter, None)
        if not waiting:
            del self._waiting[task_id]

    def _changed(self, changes: Sequence[Change]) -> None:
        if not self._waiting:
            return
        for change in changes:
            if change.noun == TASKS.name:
                for waiter in self._waiting.get(change.id, ()):
                    waiter.wake()
