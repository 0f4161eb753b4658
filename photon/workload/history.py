"""What was asked and answered, in order: what every judgement rests on, and what a story tells."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from photon.outside.clock import Clock

Moment = int  # Counts what clients see: of two moments the later has the higher number.


@dataclass(frozen=True, slots=True)
class Event:
    """`ids` are what it is about: by them a story is chosen."""

    moment: Moment
    at_seconds: float
    who: str
    text: str
    ids: tuple[str, ...] = ()


class History:
    """Time is the clock's; `told` hears of each event."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.told: Callable[[Event], None] = lambda event: None
        self._moment = 0
        self.events: list[Event] = []

    def tick(self) -> Moment:
        """A new moment, later than all before."""
        self._moment += 1
        return self._moment

    def say(self, who: str, text: str, *ids: str) -> Moment:
        moment = self.tick()
        event = Event(moment, self._clock.monotonic(), who, text, ids)
        self.events.append(event)
        self.told(event)
        return moment

    def about(self, ids: Iterable[str], *, limit: int) -> list[Event]:
        """The last events that are about any of these, in order."""
        wanted = set(ids)
        found: list[Event] = []
        for event in reversed(self.events):
            if len(found) >= limit:
                break
            if not wanted.isdisjoint(event.ids):
                found.append(event)
        return found[::-1]
