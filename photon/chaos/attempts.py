"""Every attempt of every probe, in the order in which they ended; and when all works again."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.chaos.recovery import Attempt
from photon.outside.clock import Clock

WELL_IN_A_ROW: Final = 2  # With one balancer and three controllers one success may be luck.


class Attempts:
    """`started` is the moment 0 of a run on the clock."""

    def __init__(self, clock: Clock, started: float) -> None:
        self._clock = clock
        self._started = started
        self._changed = asyncio.Condition()
        self.all: list[Attempt] = []
        self.operations: list[str] = []  # that are attempted at all

    def now(self) -> float:
        return self._clock.monotonic() - self._started

    async def add(self, attempt: Attempt) -> None:
        async with self._changed:
            self.all.append(attempt)
            self._changed.notify_all()

    async def well(self) -> None:
        """Returns when each operation succeeded promptly, a few times in a row, from now on."""
        since, read = self.now(), len(self.all)
        in_a_row = dict.fromkeys(self.operations, 0)
        async with self._changed:
            while any(count < WELL_IN_A_ROW for count in in_a_row.values()):
                await self._changed.wait()
                for attempt in self.all[read:]:
                    if attempt.began >= since and attempt.operation in in_a_row:
                        so_far = in_a_row[attempt.operation]
                        in_a_row[attempt.operation] = 0 if attempt.broken else so_far + 1
                read = len(self.all)

    def ill(self) -> list[str]:
        """Operations whose last attempt was broken, each with why; or that were never attempted."""
        last = {attempt.operation: attempt for attempt in self.all}
        return [
            f"{name}: {_why(last[name]) if name in last else 'never answered'}"
            for name in self.operations
            if name not in last or last[name].broken
        ]


def _why(attempt: Attempt) -> str:
    return attempt.problem or f"took {attempt.ended - attempt.began:.1f} s"
