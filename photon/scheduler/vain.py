"""What a demand has waited in vain: for doors that were open, and did not answer.

Each door is given some seconds, because a process that pauses for a moment is not gone. A demand
that meets several which have just been hung up on would wait for each of them in turn; so what it
has waited is added up, and when it is enough, doors that say nothing at once are passed over.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from photon.outside.clock import Clock

# One door's whole time, and half of another's: then the demand goes where somebody answers.
VAIN_SECONDS_MAX: Final = 3.0
# So long a door that hangs is asked by nobody (REST_SECONDS): what was waited before says nothing
# about the next try.
FORGOTTEN_SECONDS: Final = 5.0
DEMANDS_MAX: Final = 4096  # More than a controller runs tasks.


class Vain:
    """Shared by all doors to other controllers."""

    def __init__(self, clock: Clock, seconds_max: float = VAIN_SECONDS_MAX) -> None:
        self._clock = clock
        self._seconds_max = seconds_max
        self._waited: OrderedDict[str, tuple[float, float]] = OrderedDict()  # seconds, until when

    def left(self, demand_id: str) -> float:
        """So many seconds the demand may wait for the next door; 0: none."""
        waited, until = self._waited.get(demand_id, (0.0, 0.0))
        if self._clock.monotonic() >= until:
            return self._seconds_max
        return max(0.0, self._seconds_max - waited)

    def waited(self, demand_id: str, seconds: float) -> None:
        before = self._seconds_max - self.left(demand_id)
        until = self._clock.monotonic() + FORGOTTEN_SECONDS
        self._waited[demand_id] = before + seconds, until
        self._waited.move_to_end(demand_id)
        if len(self._waited) > DEMANDS_MAX:
            self._waited.popitem(last=False)
