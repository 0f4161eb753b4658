"""Time that a test turns: who sleeps is woken in order, and everybody gets to act in between."""

from __future__ import annotations

import asyncio
import heapq
from itertools import count
from typing import Final

START_SECONDS: Final = 1_700_000_000.0
TURNS: Final = 200  # Nothing here waits for anything real: so many turns bring all to rest.


class TurnedTime:
    """The one time of all members of a test."""

    def __init__(self) -> None:
        self.seconds = START_SECONDS
        self._sleepers: list[tuple[float, int, asyncio.Future[None], TurnedClock]] = []
        self._order = count()

    def clock(self, *, offset_seconds: float = 0.0) -> TurnedClock:
        """One machine's clock: `offset_seconds` off from the others'."""
        return TurnedClock(self, offset_seconds)

    async def sleep(self, clock: TurnedClock, seconds: float) -> None:
        waking = asyncio.get_running_loop().create_future()
        entry = (self.seconds + seconds, next(self._order), waking, clock)
        heapq.heappush(self._sleepers, entry)
        await waking

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def turn(self, seconds: float) -> None:
        """Lets so much time pass. A frozen clock's sleepers are late until it is thawed."""
        await self.settle()
        end = self.seconds + seconds
        late = []
        while self._sleepers and self._sleepers[0][0] <= end:
            entry = heapq.heappop(self._sleepers)
            if entry[3].frozen:
                late.append(entry)
                continue
            self.seconds = max(self.seconds, entry[0])
            if not entry[2].done():
                entry[2].set_result(None)
            await self.settle()
        for entry in late:
            heapq.heappush(self._sleepers, entry)
        self.seconds = end


class TurnedClock:
    """See Clock. While `frozen`, nobody who sleeps on it wakes, as in a stopped process."""

    def __init__(self, time: TurnedTime, offset_seconds: float) -> None:
        self._time = time
        self._offset_seconds = offset_seconds
        self.frozen = False

    def now_ms(self) -> int:
        return int((self._time.seconds + self._offset_seconds) * 1000)

    def monotonic(self) -> float:
        return self._time.seconds + self._offset_seconds

    async def sleep(self, seconds: float) -> None:
        await self._time.sleep(self, seconds)
