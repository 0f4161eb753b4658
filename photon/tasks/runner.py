"""Runs the tasks that this controller owns: bounded, and found again after a crash."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from photon.domain.error_catalogue import OutOfThreadPoolWorker
from photon.domain.task import Task
from photon.outside.clock import Clock
from photon.store.errors import StaleGeneration, StoreBusy, StoreUnavailable
from photon.store.nouns import TASKS
from photon.store.protocol import CloudStore, Update
from photon.tasks.execute import BoundSaga, execute
from photon.tasks.journal import LostOwnership, TaskJournal

TASKS_RUNNING_MAX = 512  # The contract's background_workers.
TASKS_WAITING_MAX = 512  # The contract's background_workers_queue_size.
ADOPTION_PAGE = 100
RESTART_WAIT_SECONDS = 1.0

log = logging.getLogger(__name__)


def _is_any(task_id: str) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class TaskLimits:
    running: int = TASKS_RUNNING_MAX
    waiting: int = TASKS_WAITING_MAX


class TaskRunner:
    """`owner` is this incarnation of this controller: what a task's `owner` column holds."""

    def __init__(
        self,
        store: CloudStore,
        clock: Clock,
        sagas: Mapping[str, BoundSaga],
        owner: str,
        limits: TaskLimits,
    ) -> None:
        self.owner = owner
        self._store = store
        self._clock = clock
        self._sagas = sagas
        self._limits = limits
        self._room = asyncio.Semaphore(limits.running)
        self._live: dict[str, asyncio.Task[None]] = {}
        self._closing = False

    @property
    def live(self) -> int:
        """Tasks that run or wait here."""
        return len(self._live)

    def steps_of(self, operation: str) -> tuple[str, ...]:
        """The steps that a task of this operation shows, in order."""
        return self._sagas[operation].saga.shown

    def admit(self) -> None:
        """Is there room for one more task? Asked before the request changes anything.

        Raises:
            OutOfThreadPoolWorker: as many run and wait as may.
        """
        if self._closing or len(self._live) >= self._limits.running + self._limits.waiting:
            raise OutOfThreadPoolWorker()

    def start(self, task: Task, fence: int) -> None:
        """Runs a task that is durable and ours; `fence` is the revision that made it so."""
        running = asyncio.create_task(self._run(task, fence))
        self._live[task.id] = running
        running.add_done_callback(lambda ended: self._forget(task.id, ended))

    def find_out(self, task_id: str) -> None:
        """Runs a task of which nobody knows whether it was made, if it was."""
        finding = asyncio.create_task(self._find_out(task_id))
        self._live[task_id] = finding
        finding.add_done_callback(lambda ended: self._forget(task_id, ended))

    async def _find_out(self, task_id: str) -> None:
        while not self._closing:
            await self._clock.sleep(RESTART_WAIT_SECONDS)
            try:
                # When this is durable, what was lost before it has happened, or never will.
                await self._store.commit([])
                break
            except (StoreBusy, StoreUnavailable) as problem:
                log.warning("nobody knows yet whether task %s was made: %s", task_id, problem)
        await self._take_up_again(task_id)

    def _forget(self, task_id: str, ended: asyncio.Task[None]) -> None:
        if self._live.get(task_id) is ended:
            del self._live[task_id]

    async def _run(self, task: Task, fence: int) -> None:
        bound = self._sagas.get(task.saga)
        if bound is None:
            log.error("task %s: this release knows no operation %s", task.id, task.saga)
            return
        async with self._room:
            try:
                journal = TaskJournal(self._store, self._clock, task, fence)
                await execute(bound, journal, self._clock)
                return
            except LostOwnership:
                log.warning("task %s is not what this controller wrote last", task.id)
            except (StoreBusy, StoreUnavailable) as problem:
                log.warning("task %s waits for the store: %s", task.id, problem)
            except Exception:  # Nothing may vanish: the task runs again from its journal.
                log.exception("task %s stopped; it is taken up again", task.id)
        await self._take_up_again(task.id)

    async def _take_up_again(self, task_id: str) -> None:
        """Goes on with a task that is still ours, however long the store is away."""
        while not self._closing:
            await self._clock.sleep(RESTART_WAIT_SECONDS)
            try:
                task = await self._store.find(TASKS, task_id)
                if task is None or task.owner != self.owner:
                    log.info("task %s has ended, or another controller runs it", task_id)
                    return
                if await self._adopt_one(task):
                    return
            except (StoreBusy, StoreUnavailable) as problem:
                log.warning("task %s cannot be taken up again now: %s", task_id, problem)

    async def adopt(self, owner: str, mine: Callable[[str], bool] = _is_any) -> int:
        """Takes over the open tasks of a dead `owner`; answers how many.

        `mine` chooses by id, so that several heirs share them. Where two choose the same, one
        has it.
        """
        adopted = 0
        after: str | None = None
        while not self._closing:
            page = await self._store.page(TASKS, {"owner": owner}, limit=ADOPTION_PAGE, after=after)
            chosen = [task for task in page.items if mine(task.id)]
            adopted += sum(await asyncio.gather(*(self._adopt_one(task) for task in chosen)))
            if not page.more:
                break
            after = page.items[-1].id
        return adopted

    async def _adopt_one(self, task: Task) -> int:
        mine = msgspec.structs.replace(task, owner=self.owner)
        try:
            revision = await self._store.commit([Update(TASKS, mine)])
        except StaleGeneration:
            return 0  # It ended, or somebody else took it.
        mine = msgspec.structs.replace(mine, generation=task.generation + 1)
        self.start(mine, revision)
        return 1

    def abandon(self) -> None:
        """Stops at once whatever runs: it belongs to others now."""
        self._closing = True
        for task in self._live.values():
            task.cancel()

    async def close(self, *, wait_seconds: float) -> None:
        """Lets what runs come to its end for a while; the rest is taken up after the restart."""
        self._closing = True
        if self._live:
            await asyncio.wait(self._live.values(), timeout=wait_seconds)
        while self._live:  # One that was just taken up again, too.
            live = list(self._live.values())
            for task in live:
                task.cancel()
            await asyncio.gather(*live, return_exceptions=True)
