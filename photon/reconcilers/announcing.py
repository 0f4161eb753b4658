"""Tells a leaf that is built anew what no report of its hosts says: what open tasks were promised.

A task that had a place when its controller died goes on at that place, perhaps after others have
asked for the same room. So its promise is held before the leaf answers anybody. Which VMs are
members of which groups is known before that (photon.reconcilers.group_watch).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from photon.domain.demand import Demand, Placement
from photon.domain.task import Task, TaskState
from photon.scheduler.protocol import SchedulerNode
from photon.store.nouns import TASKS
from photon.store.protocol import PAGE_SIZE_MAX, CloudStore

# The steps of all sagas that are given a place, whose orders have the demand in them.
_PLACED: Final = "RESERVE_RESOURCE"
_OPEN: Final = (TaskState.QUEUED, TaskState.STARTED)

Promises = Mapping[str, list[tuple[Demand, Placement]]]  # by host

log = logging.getLogger(__name__)


class _Order(msgspec.Struct):
    """What the orders of such sagas have in common."""

    demand: Demand | None = None


_order: Final = msgspec.json.Decoder(_Order).decode
_placement: Final = msgspec.json.Decoder(Placement).decode


class Announcer:
    """Leaves are built many at a time: those that come while the tasks are read share the next
    reading, so that each sees what was written before it came."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self._next: asyncio.Task[Promises] | None = None
        self._reading = asyncio.Lock()

    async def announce(self, host_ids: Collection[str], node: SchedulerNode) -> None:
        """Holds at `node` what open tasks were promised on these hosts."""
        if self._next is None:
            self._next = asyncio.create_task(self._read())
            self._next.add_done_callback(_asked_for_or_not)
        # Shielded: one leaf that is given up must not end what others wait for.
        promises = await asyncio.shield(self._next)
        for host_id in host_ids:
            for demand, placement in promises.get(host_id, ()):
                await node.hold(demand, placement)

    async def _read(self) -> Promises:
        async with self._reading:
            self._next = None
            promises: dict[str, list[tuple[Demand, Placement]]] = {}
            for state in _OPEN:
                after: str | None = None
                while True:
                    page = await self._store.page(
                        TASKS, {"state": state}, limit=PAGE_SIZE_MAX, after=after
                    )
                    for task in page.items:
                        for demand, placement in promises_of(task):
                            promises.setdefault(placement.host_id, []).append((demand, placement))
                    if not page.more:
                        break
                    after = page.items[-1].id
            return promises


def _asked_for_or_not(reading: asyncio.Task[Promises]) -> None:
    """Whoever waited was given up, perhaps: then nobody need hear that it failed."""
    if not reading.cancelled():
        reading.exception()


def promises_of(task: Task) -> Iterator[tuple[Demand, Placement]]:
    """The place that the task goes on with: earlier ones were refused by their hosts."""
    placed = [result for step, result in task.results.items() if step.startswith(_PLACED)]
    if not placed:
        return
    try:
        demand, placement = _order(task.order).demand, _placement(placed[-1])
    except msgspec.MsgspecError:  # of a release that wrote it otherwise; its saga will say so
        log.exception("what task %s was promised cannot be read", task.id)
        return
    if demand is not None:
        yield demand, placement
