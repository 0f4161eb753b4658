"""The clock of a scheduler that nobody waits for: time passes as VMs are asked for."""

from __future__ import annotations

from typing import Final

from photon.simulation.clock import EPOCH_MS

# As if a hundred VMs were asked for in a second: so nodes look at their children as they would.
VM_SECONDS: Final = 0.01


class CountedClock:
    def __init__(self) -> None:
        self._seconds = 0.0

    def pass_by(self, seconds: float) -> None:
        self._seconds += seconds

    def now_ms(self) -> int:
        return EPOCH_MS + int(self._seconds * 1000)

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Nobody else is there who could do something meanwhile."""
        self.pass_by(seconds)
