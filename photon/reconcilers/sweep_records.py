"""Records that are kept for a day: the tasks of what is gone, and answers to Idempotency-Keys.

Also zones that were deleted, when no host is in them any more.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Final

from photon.domain.readiness import Readiness
from photon.domain.task import Task, Tombstone
from photon.outside.clock import Clock
from photon.reconcilers.sweep_walk import Walk
from photon.store.errors import StoreConflict
from photon.store.nouns import (
    IDEMPOTENT_ANSWERS,
    TASKS,
    TOMBSTONES,
    ZONES,
)
from photon.store.protocol import CloudStore, Delete, Write
from photon.store.reaping import reap_zone

KEPT_MS: Final = 24 * 3600 * 1000  # The contract's day (4.4); clients poll a task for two hours.
TASKS_PAGE: Final = 100  # A host has seen many tasks; the rest of them go in the next round.
ROWS_MAX: Final = 100  # Of what there is never much.
WRITES_MAX: Final = 200  # In one write-set: 4 ms during which nobody else writes.

log = logging.getLogger(__name__)


class RecordSweeper:
    """Every method is one pass, and bounded; what it leaves, the next one finds."""

    def __init__(self, store: CloudStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._tombstones = Walk(store, TOMBSTONES)
        self._answers = Walk(store, IDEMPOTENT_ANSWERS)

    async def tombstones(self) -> None:
        """A day after something is gone, its tasks go, and then the memory that it was."""
        oldest_ms = self._clock.now_ms() - KEPT_MS
        async for page in self._tombstones.one_pass():
            old = [stone for stone in page if stone.at_ms < oldest_ms]
            writes: list[Write] = []
            for stone in old:
                writes += await self._end_of(stone)
            await self._commit(writes)

    async def _end_of(self, stone: Tombstone) -> list[Write]:
        where = {"entity_id": stone.id}
        page = await self._store.page(TASKS, where, limit=TASKS_PAGE)
        ended: list[Task] = [task for task in page.items if task.ended]
        writes: list[Write] = [Delete(TASKS, task.id) for task in ended]
        if not page.more and len(ended) == len(page.items):
            writes.append(Delete(TOMBSTONES, stone.id))
        return writes

    async def answers(self) -> None:
        oldest_ms = self._clock.now_ms() - KEPT_MS
        async for page in self._answers.one_pass():
            old = [answer for answer in page if answer.at_ms < oldest_ms]
            await self._commit([Delete(IDEMPOTENT_ANSWERS, answer.id) for answer in old])

    async def zones(self) -> None:
        """Zones that were deleted, and have no host."""
        leaving = {"state": Readiness.PENDING_DELETE}
        page = await self._store.page(ZONES, leaving, limit=ROWS_MAX)
        await self._commit([reap_zone(zone.id) for zone in page.items])

    async def _commit(self, writes: Sequence[Write]) -> None:
        for part in _parts(writes):
            try:
                await self._store.commit(part)
            except StoreConflict as conflict:
                log.info("somebody else swept here: %s", conflict)


def _parts(writes: Sequence[Write]) -> Iterator[Sequence[Write]]:
    for start in range(0, len(writes), WRITES_MAX):
        yield writes[start : start + WRITES_MAX]
