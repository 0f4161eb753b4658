"""Shows on a task's step how far long work is."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.sagas.cloud import Cloud
from photon.tasks.journal import LostOwnership
from photon.tasks.saga import Run

SHOWN_EVERY_SECONDS: Final = 1.0  # A person's eye; more often would only be more commits.


class Showing:
    """What is told is written with the step's next write, or by itself if that is long ago.

    `close` when the work is done.
    """

    def __init__(self, run: Run[Cloud]) -> None:
        self._run = run
        self._shown_at = run.deps.clock.monotonic()
        self._writing: asyncio.Task[None] | None = None

    def tell(self, **options: str) -> None:
        """Replaces the step's options of these names."""
        self._run.note(**options)
        now = self._run.deps.clock.monotonic()
        written = self._writing is None or self._writing.done()
        if written and now - self._shown_at >= SHOWN_EVERY_SECONDS:
            self._shown_at = now
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            await self._run.journal.flush()
        except LostOwnership:
            return  # The saga itself finds out at its next write.

    async def close(self) -> None:
        if self._writing is not None:
            await asyncio.wait([self._writing])
