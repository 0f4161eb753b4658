"""Whether a door is silent, by its polls that were answered and those that were not.

One answer missed is a hiccup: a door is silent only when MISSED_MAX of its last POLLS_REMEMBERED
polls were missed, and heard again only when ANSWERED_MIN in a row were answered. So one that
answers every second poll is silent once, and stays so.
"""

from __future__ import annotations

from collections import deque
from typing import Final

# Two misses are a restart, or a second full of other work.
POLLS_REMEMBERED: Final = 5
MISSED_MAX: Final = 3
ANSWERED_MIN: Final = 2


class Hearing:
    """Silent at first. The first answer of all needs no second: it contradicts nothing."""

    def __init__(self) -> None:
        self._missed: deque[bool] = deque(maxlen=POLLS_REMEMBERED)
        self._answered = 0  # in a row
        self.is_silent = True

    def answer(self) -> bool:
        """True if it is silent no more."""
        self._missed.append(False)
        self._answered += 1
        if self.is_silent and (self._answered >= ANSWERED_MIN or len(self._missed) == 1):
            self.is_silent = False
            self._missed.clear()  # or the next miss would count those of before as well
            return True
        return False

    def miss(self) -> bool:
        """True if it is silent from now on."""
        self._missed.append(True)
        self._answered = 0
        if not self.is_silent and sum(self._missed) >= MISSED_MAX:
            self.is_silent = True
            return True
        return False
