"""Clocks of a simulation: one that is true, and those of machines, which are not."""

from __future__ import annotations

import asyncio
from typing import Final

EPOCH_MS: Final = 1_800_000_000_000  # When every simulation begins: in January 2027.


class TrueClock:
    """The loop's own time."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return EPOCH_MS + int(self._loop.time() * 1000)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class DriftingClock:
    """A machine's clock: set wrong by `offset_seconds`, and too fast by `rate`, 1.0 being right.

    `step` sets it, as an operator or a time server does: the monotonic clock never notices.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, offset_seconds: float = 0.0, rate: float = 1.0
    ) -> None:
        self._loop = loop
        self._offset_seconds = offset_seconds
        self._rate = rate

    def now_ms(self) -> int:
        return EPOCH_MS + int((self._loop.time() * self._rate + self._offset_seconds) * 1000)

    def monotonic(self) -> float:
        return self._loop.time() * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._rate)

    def step(self, seconds: float) -> None:
        self._offset_seconds += seconds
