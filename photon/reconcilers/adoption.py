"""Takes over the open tasks of controllers that are gone.

When a member is off the list, each controller that lives takes its share of the tasks at once, by
the tasks' ids; a little later anybody takes what is left of them. A slow duty looks at all open
tasks, for what was overlooked: owners that were gone before this controller came, and tasks that
a controller made which did not know yet that it was declared dead.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable
from typing import Final

from photon.coordination.errors import CoordinationUnavailable
from photon.coordination.protocol import CONTROLLER, Coordination
from photon.domain.task import TaskState
from photon.outside.clock import Clock
from photon.store.errors import StoreBusy, StoreUnavailable
from photon.store.nouns import TASKS
from photon.store.protocol import PAGE_SIZE_MAX, CloudStore
from photon.tasks.runner import TaskRunner

OVERLOOKED_SECONDS: Final = 60.0  # A pass reads every open task, so not more often.
# After each, what is left is taken. Heirs are done in the first; the second is for heirs that died
# too; the third for what a frozen owner wrote when it awoke.
PASSES_AFTER_SECONDS: Final = (0.0, 3.0, 15.0)
RETRY_SECONDS: Final = 1.0  # The store is away: nothing can be done about tasks anyway.

log = logging.getLogger(__name__)


class Adoption:
    """`start` when this controller can run tasks; `look` is the slow duty."""

    def __init__(
        self, store: CloudStore, clock: Clock, coordination: Coordination, runner: TaskRunner
    ) -> None:
        self._store = store
        self._clock = clock
        self._coordination = coordination
        self._runner = runner
        self._known: set[str] = set()
        self._inheriting: dict[str, asyncio.Task[None]] = {}
        self._unsubscribe: Callable[[], None] = lambda: None

    def start(self) -> None:
        self._known = self._living()
        self._unsubscribe = self._coordination.subscribe(self._heard)

    async def close(self) -> None:
        self._unsubscribe()
        inheriting = list(self._inheriting.values())
        for task in inheriting:
            task.cancel()
        await asyncio.gather(*inheriting, return_exceptions=True)

    def _living(self) -> set[str]:
        members = self._coordination.members()
        return {member.id for member in members if member.component == CONTROLLER}

    def _heard(self) -> None:
        living = self._living()
        for owner in sorted(self._known - living - {self._runner.owner}):
            if owner not in self._inheriting:
                inheriting = asyncio.create_task(self._inherit(owner), name=f"inherit {owner}")
                self._inheriting[owner] = inheriting
        self._known = living

    async def _inherit(self, owner: str) -> None:
        try:
            await self._inherit_all(owner)
        except Exception:  # The slow duty comes to them too.
            log.exception("the tasks of controller %s are not adopted yet", owner)
        finally:
            del self._inheriting[owner]

    async def _inherit_all(self, owner: str) -> None:
        for number, seconds in enumerate(PASSES_AFTER_SECONDS):
            await self._clock.sleep(seconds)
            adopted = await self._adopt(owner, self._is_my_share if number == 0 else _is_any)
            if adopted:
                log.warning("%d open tasks of controller %s go on here", adopted, owner)

    async def _adopt(self, owner: str, mine: Callable[[str], bool]) -> int:
        while True:
            try:
                if not await self._coordination.is_gone(owner):
                    return 0
                return await self._runner.adopt(owner, mine)
            except (StoreBusy, StoreUnavailable, CoordinationUnavailable) as problem:
                log.warning("the tasks of controller %s are not adopted yet: %s", owner, problem)
                await self._clock.sleep(RETRY_SECONDS)

    def _is_my_share(self, task_id: str) -> bool:
        heirs = sorted(self._living() | {self._runner.owner})
        return heirs[zlib.crc32(task_id.encode()) % len(heirs)] == self._runner.owner

    async def look(self) -> int:
        """Adopts every open task whose owner is gone; answers how many."""
        adopted = 0
        for owner in sorted(await self._owners() - self._living() - {self._runner.owner}):
            if owner not in self._inheriting:
                adopted += await self._adopt(owner, _is_any)
        if adopted:
            log.warning("%d open tasks of controllers that are gone go on here", adopted)
        return adopted

    async def _owners(self) -> set[str]:
        owners: set[str] = set()
        for state in (TaskState.QUEUED, TaskState.STARTED):
            after: str | None = None
            more = True
            while more:
                page = await self._store.page(
                    TASKS, {"state": state}, limit=PAGE_SIZE_MAX, after=after
                )
                owners |= {task.owner for task in page.items if task.owner is not None}
                more = page.more
                after = page.items[-1].id if page.items else None
        return owners


def _is_any(task_id: str) -> bool:
    return True
