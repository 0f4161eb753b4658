"""Shows on a task's step how far an upload is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from photon.images.arrivals import Arrival
from photon.images.progress import Phase, silent
from photon.sagas.cloud import Cloud
from photon.sagas.showing import Showing
from photon.tasks.saga import Run


@asynccontextmanager
async def shown(run: Run[Cloud], arrival: Arrival | None) -> AsyncIterator[None]:
    """Within the block, what `arrival` reports becomes options of the step."""
    if arrival is None:
        yield
        return
    showing = Showing(run)

    def heard(done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
        showing.tell(**_options(done_bytes, total_bytes, phase))

    arrival.listen = heard
    try:
        yield
    finally:
        arrival.listen = silent
        await showing.close()


def _options(done_bytes: int, total_bytes: int | None, phase: Phase) -> dict[str, str]:
    options: dict[str, str] = {"phase": phase}
    if phase is Phase.RECEIVING:
        options["receivedBytes"] = str(done_bytes)
        if total_bytes is not None:
            options["totalBytes"] = str(total_bytes)
    if total_bytes:
        options["percent"] = str(min(100, 100 * done_bytes // total_bytes))
    return options
