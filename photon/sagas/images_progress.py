"""Shows on a task's step how far an upload is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from photon.images.arrivals import Arrival
from photon.images.progress import Phase, silent
from photon.sagas.cloud import Cloud
from photon.tasks.journal import LostOwnership
from photon.tasks.saga import Run

SHOWN_EVERY_SECONDS: Final = 1.0  # A person's eye; more often would only be more commits.


@asynccontextmanager
async def shown(run: Run[Cloud], arrival: Arrival | None) -> AsyncIterator[None]:
    """Within the block, what `arrival` reports becomes options of the step."""
    if arrival is None:
        yield
        return
    showing = _Showing(run)
    arrival.listen = showing.heard
    try:
        yield
    finally:
        arrival.listen = silent
        await showing.close()


class _Showing:
    def __init__(self, run: Run[Cloud]) -> None:
        self._run = run
        self._shown_at = run.deps.clock.monotonic()
        self._writing: asyncio.Task[None] | None = None

    def heard(self, done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
        self._run.note(**_options(done_bytes, total_bytes, phase))
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


def _options(done_bytes: int, total_bytes: int | None, phase: Phase) -> dict[str, str]:
    options: dict[str, str] = {"phase": phase}
    if phase is Phase.RECEIVING:
        options["receivedBytes"] = str(done_bytes)
        if total_bytes is not None:
            options["totalBytes"] = str(total_bytes)
    if total_bytes:
        options["percent"] = str(min(100, 100 * done_bytes // total_bytes))
    return options
