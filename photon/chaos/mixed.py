"""The mixed load of every operation, and its judge: photon/workload on a real cloud, over HTTP."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from random import Random
from typing import Final

from photon.chaos.cloud import Cloud
from photon.chaos.http_way import HttpWay
from photon.chaos.outcome import Breach
from photon.outside.clock import Clock
from photon.workload.broken import Broken
from photon.workload.history import Event
from photon.workload.site import Load, Site
from photon.workload.workload import Workload

STORY_EVENTS_MAX: Final = 40  # The last ones about what is broken: a screen that a person reads.
VERIFY_SECONDS_MAX: Final = 300.0  # All that was ever made, asked of each controller.


class MixedLoad:
    """Each client draws from the seed; what they meet depends on the hour, as in real life."""

    def __init__(self, cloud: Cloud, site: Site, seed: int, clock: Clock, load: Load) -> None:
        self._ways = [HttpWay(cloud.url, cloud.ca_file)]
        self._ways += [HttpWay(url) for url in cloud.controllers.values()]
        self._workload = Workload(
            self._ways, site, lambda name: Random(f"{seed} {name}"), clock, load
        )
        self._begun: Counter[str] = Counter()
        self._broken: Broken | None = None

    async def prepare(self) -> None:
        await self._judged(self._workload.prepare())

    async def run(self) -> None:
        """Until `stop`, or until something is broken."""
        await self._judged(
            self._workload.run(sys.maxsize, lambda _, what: self._begun.update([what]))
        )

    def stop(self) -> None:
        """No new operation begins; `run` returns when those under way have ended."""
        self._workload.stop()

    async def settle(self) -> None:
        if self._broken is None:
            async with asyncio.timeout(VERIFY_SECONDS_MAX):
                await self._judged(self._workload.verify())

    async def close(self) -> None:
        async with AsyncExitStack() as stack:
            for way in self._ways:
                stack.push_async_callback(way.close)

    def breaches(self) -> Sequence[Breach]:
        broken = self._broken
        if broken is None:
            return []
        events = self._workload.history.about(broken.ids, limit=STORY_EVENTS_MAX)
        return [Breach(broken.promise, broken.text, tuple(_told(event) for event in events))]

    def counts(self) -> dict[str, int]:
        """How often each operation was begun."""
        return dict(self._begun)

    async def _judged(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Broken as broken:
            self._broken = broken


def _told(event: Event) -> str:
    return f"[{event.at_seconds:7.1f} s] {event.who}: {event.text}"
