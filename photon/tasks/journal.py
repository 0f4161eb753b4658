"""One live task's journal: kept in memory, written to the store when something depends on it.

A step's STARTED need not be durable (running a step again is harmless), its result must be before
the next step acts. So a CREATE_VM is written three times: asked, placed, done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from photon.domain.task import ErrorRecord, Task, TaskState
from photon.outside.clock import Clock
from photon.store.errors import (
    AlreadyExists,
    RequirementFailed,
    StaleGeneration,
    StoreBusy,
    StoreUnavailable,
)
from photon.store.nouns import TASKS
from photon.store.protocol import CloudStore, Update, Write
from photon.tasks.saga import Plan

SHOW_STARTED_SECONDS = 0.25  # A step that takes longer is worth a write of its own to show it.
PLAN_TRIES_MAX = 20  # The lock keeps other tasks away; only tags and metadata can be in between.
WARNINGS_A_STEP_MAX = 16  # An undo that is tried for ever may fail in ever new words.
BUSY_WAIT_SECONDS = 0.05

_CURRENT = frozenset({TaskState.STARTED, TaskState.ERROR})

replace = msgspec.structs.replace


class LostOwnership(Exception):
    """Another controller owns the task now: this one stops, and writes nothing more."""


class PlanContended(Exception):
    """The entities changed under the task's plan every time: a fault of ours."""


class TaskJournal:
    """The `Journal` of a task that this controller owns."""

    def __init__(self, store: CloudStore, clock: Clock, task: Task, fence: int) -> None:
        self._store = store
        self._clock = clock
        self._task = task
        self._steps = list(task.steps)
        self._results = dict(task.results)
        self._undone = list(task.undone)
        self._current = next((i for i, step in enumerate(self._steps) if step.state in _CURRENT), 0)
        self._fence = fence
        self._dirty = False
        self._owed = False  # a result that must be durable before anything is built on it
        self._writing = asyncio.Lock()
        self._show: asyncio.TimerHandle | None = None
        self._showing: asyncio.Task[None] | None = None

    @property
    def fence(self) -> int:
        return self._fence

    @property
    def task(self) -> Task:
        return self._task

    def recorded(self, step: str) -> msgspec.Raw | None:
        return self._results.get(step)

    def error(self) -> ErrorRecord | None:
        return self._task.error

    def is_undone(self, step: str) -> bool:
        return step in self._undone

    async def starting(self, step: str, operation: str) -> None:
        now = self._clock.now_ms()
        self._advance_to(operation, now)
        if self._owed:
            await self.flush()
        else:
            self._dirty = True
            self._show_later()

    def completed(self, step: str, result: msgspec.Raw) -> None:
        self._stop_showing()
        self._results[step] = result
        self._dirty = self._owed = True

    def failed(self, error: ErrorRecord) -> None:
        self._stop_showing()
        if self._task.error is not None:
            return
        self._task = replace(self._task, error=error)
        if self._steps:
            step = self._steps[self._current]
            self._steps[self._current] = replace(
                step,
                state=TaskState.ERROR,
                errors=(*step.errors, error),
                ended_ms=self._clock.now_ms(),
            )
        self._dirty = True

    def undone(self, step: str) -> None:
        self._undone.append(step)
        self._dirty = True

    def warned(self, warning: ErrorRecord) -> None:
        if self._steps:
            step = self._steps[self._current]
            if warning not in step.warnings and len(step.warnings) < WARNINGS_A_STEP_MAX:
                self._steps[self._current] = replace(step, warnings=(*step.warnings, warning))
                self._dirty = True

    def noted(self, options: dict[str, str]) -> None:
        if self._steps:
            step = self._steps[self._current]
            self._steps[self._current] = replace(step, options={**step.options, **options})
            self._dirty = True

    async def flush(self) -> None:
        """Makes durable what was recorded so far."""
        async with self._writing:
            if self._dirty:
                await self._write(())

    async def end(self, plan: Callable[[], Awaitable[Plan]], *, state: TaskState) -> None:
        """The task's end, together with what becomes of its entities."""
        self._stop_showing()
        async with self._writing:
            before = self._task, list(self._steps)
            for _ in range(PLAN_TRIES_MAX):
                try:
                    chosen = await plan()
                    self._close(state, chosen)
                    await self._write(chosen.writes)
                    return
                except (AlreadyExists, StaleGeneration, RequirementFailed):
                    self._task, self._steps = before[0], list(before[1])
                except BaseException:
                    # It has not ended: what is written next must not say that it did.
                    self._task, self._steps = before[0], list(before[1])
                    raise
        raise PlanContended(self._task.id)

    def close(self) -> None:
        """Nothing more is written: the task has ended, or somebody else goes on with it."""
        self._stop_showing()
        if self._showing is not None:
            self._showing.cancel()

    def _close(self, state: TaskState, plan: Plan) -> None:
        now = self._clock.now_ms()
        if state is TaskState.COMPLETED:
            self._steps = [
                step
                if step.state is TaskState.COMPLETED
                else replace(
                    step,
                    state=TaskState.COMPLETED,
                    started_ms=step.started_ms or now,
                    ended_ms=now,
                )
                for step in self._steps
            ]
        else:
            # One that was begun and came to nothing, as when a host refused and no other was left.
            self._steps = [
                replace(step, state=TaskState.QUEUED, started_ms=None)
                if step.state is TaskState.STARTED
                else step
                for step in self._steps
            ]
        self._task = replace(
            self._task,
            state=state,
            started_ms=self._task.started_ms or now,
            ended_ms=now,
            resource_properties=plan.answer,
            owner=None,
        )

    def _advance_to(self, operation: str, now: int) -> None:
        if self._task.state is TaskState.QUEUED:
            self._task = replace(self._task, state=TaskState.STARTED, started_ms=now)
        for i, step in enumerate(self._steps):
            if step.operation == operation:
                if step.state is TaskState.QUEUED:
                    self._steps[i] = replace(step, state=TaskState.STARTED, started_ms=now)
                self._current = i
                return
            if step.state in (TaskState.QUEUED, TaskState.STARTED):
                self._steps[i] = replace(
                    step,
                    state=TaskState.COMPLETED,
                    started_ms=step.started_ms or now,
                    ended_ms=now,
                )

    async def _write(self, writes: Sequence[Write]) -> None:
        task = replace(
            self._task,
            steps=tuple(self._steps),
            results=dict(self._results),  # The store may keep this task; ours goes on changing.
            undone=tuple(self._undone),
        )
        owed, self._dirty, self._owed = self._owed, False, False
        try:
            await self._commit(writes, task)
        except BaseException:
            self._dirty, self._owed = True, self._owed or owed
            raise
        self._task = replace(self._task, generation=task.generation + 1)

    async def _commit(self, writes: Sequence[Write], task: Task) -> None:
        while True:
            try:
                await self._store.commit([*writes, Update(TASKS, task)])
            except StaleGeneration as stale:
                if stale.noun == TASKS.name and stale.id == task.id:
                    raise LostOwnership(task.id) from stale
                raise
            except (StoreBusy, StoreUnavailable):
                # What has happened must be recorded: waiting is all there is.
                await self._clock.sleep(BUSY_WAIT_SECONDS)
                continue
            return

    def _show_later(self) -> None:
        if self._show is None:
            self._show = asyncio.get_running_loop().call_later(SHOW_STARTED_SECONDS, self._show_now)

    def _show_now(self) -> None:
        self._show = None
        self._showing = asyncio.ensure_future(self._show_quietly())

    async def _show_quietly(self) -> None:
        try:
            await self.flush()
        except LostOwnership:
            return  # The saga itself finds out at its next write.

    def _stop_showing(self) -> None:
        if self._show is not None:
            self._show.cancel()
            self._show = None
