"""Claims that end by themselves, all after the same time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from math import inf
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Leases(Generic[K]):
    """Since all last equally long, they end in the order in which they began: no heap is needed,
    and what is ended early leaves nothing behind."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._ends: OrderedDict[K, float] = OrderedDict()
        self._first_end = inf  # none ends before it

    def __len__(self) -> int:
        return len(self._ends)

    def __contains__(self, key: K) -> bool:
        return key in self._ends

    def start(self, key: K, now: float) -> None:
        """Begins, or begins again. `now` never goes back (Clock.monotonic)."""
        if key in self._ends:
            self._ends.move_to_end(key)
        self._ends[key] = end = now + self._seconds
        if end < self._first_end:
            self._first_end = end

    def end(self, key: K) -> None:
        self._ends.pop(key, None)

    def expired(self, now: float) -> Sequence[K]:
        """Ends and gives each lease whose time is over."""
        if now < self._first_end:
            return ()
        ends = self._ends
        over = []
        for key, end in ends.items():
            if end > now:
                break
            over.append(key)
        for key in over:
            del ends[key]
        self._first_end = ends[next(iter(ends))] if ends else inf
        return over
