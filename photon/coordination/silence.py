"""Who is dead, by the observer's own clock.

A member's heartbeat moves its generation. One that has not moved for a lease is dead; but only time
in which this observer could have seen it move is counted. After a minute in which the store was
away, or this process was frozen, everybody's generation has stood still: that tells nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from photon.coordination.terms import LeaseTerms


class Silence:
    def __init__(self, terms: LeaseTerms) -> None:
        self._lease_seconds = terms.lease_seconds
        # Between two looks nothing was seen: of a longer pause, this much counts.
        self._gap_max_seconds = terms.renew_seconds * 1.5
        self._looked_at: float | None = None
        self._seen: dict[str, int] = {}
        self._silent_seconds: dict[str, float] = {}

    def blind(self) -> None:
        """Nothing can be seen now: the time until the next look does not count."""
        self._looked_at = None

    def look(self, generations: Mapping[str, int], now: float) -> list[str]:
        """Takes in what is seen at `now` (monotonic seconds); answers who is dead."""
        gap = 0.0 if self._looked_at is None else now - self._looked_at
        gap = min(gap, self._gap_max_seconds)
        self._looked_at = now
        silent: dict[str, float] = {}
        for id, generation in generations.items():
            moved = self._seen.get(id) != generation
            silent[id] = 0.0 if moved else self._silent_seconds[id] + gap
        self._seen, self._silent_seconds = dict(generations), silent
        return [id for id, seconds in silent.items() if seconds >= self._lease_seconds]
