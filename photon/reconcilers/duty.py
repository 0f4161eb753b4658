"""A duty: something that must hold for ever, looked after again and again.

A duty has no input and is idempotent: whatever it finds, it brings one step nearer to what should
be. What fails is logged and tried again the next time; nothing depends on any single pass.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from photon.outside.clock import Clock
from photon.store.errors import StoreBusy, StoreConflict, StoreUnavailable

LOOK_SECONDS: Final = 5.0  # So soon after a controller came to an office, it does its duties.

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Duty:
    """`background` duties rest while the system's background tasks are paused.

    One with an `office` is done by the controller that holds it; any other by each controller.
    """

    name: str
    every_seconds: float
    once: Callable[[], Awaitable[object]]
    background: bool = True
    office: str = ""


class DutyDriver:
    """Runs duties, each at its own pace, until closed."""

    def __init__(
        self, clock: Clock, paused: Callable[[], bool], leads: Callable[[str], bool]
    ) -> None:
        self._clock = clock
        self._paused = paused
        self._leads = leads
        self._running: list[asyncio.Task[None]] = []

    def start(self, duties: Sequence[Duty]) -> None:
        for duty in duties:
            self._running.append(asyncio.create_task(self._keep(duty), name=duty.name))

    async def _keep(self, duty: Duty) -> None:
        while True:
            if duty.office and not self._leads(duty.office):
                await self._clock.sleep(min(duty.every_seconds, LOOK_SECONDS))
                continue
            if not (duty.background and self._paused()):
                try:
                    await duty.once()
                except StoreConflict as conflict:
                    # Somebody was quicker; of an office's duty, perhaps a successor.
                    log.info("duty %s is done again: %s", duty.name, conflict)
                except (StoreBusy, StoreUnavailable) as problem:
                    log.warning("duty %s waits for the store: %s", duty.name, problem)
                except Exception:  # The next pass looks again; one failure must not end a duty.
                    log.exception("duty %s failed; it is done again", duty.name)
            await self._clock.sleep(duty.every_seconds)

    async def close(self) -> None:
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
