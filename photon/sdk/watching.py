"""Watches: a list's changes as they come, gone on with by itself after a cut. No I/O of its own.

Both clients drive one `Following`: it says what to send, takes the bytes that come, and says how
long to rest when the stream is lost.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from photon.sdk.errors import ApiProblem, BadAnswer, Unreachable
from photon.sdk.exchange import PASSING_STATUSES, Lost, Received, Surroundings, pause_seconds, read
from photon.sdk.request import Listing, Request, decoder
from photon.wire.v1.basics import ApiError
from photon.wire.v1.watch import EventKind, Told

Item = TypeVar("Item")

SILENT_SECONDS = 45.0  # three signs of life that did not come: the line is dead
EVENT_CHARS_MAX = 16 << 20  # no view is a thousandth of this; a server that never ends one is cut


@dataclass(frozen=True, slots=True)
class Event(Generic[Item]):
    """One change. `item` is there for CHANGED. `position` is where to go on after it (`since`).

    The first event is STARTED, and has no `id`: what is listed after it, with the events that
    follow, is all there is.
    """

    kind: EventKind
    revision: int
    position: str
    id: str = ""
    item: Item | None = None


@dataclass(frozen=True, slots=True)
class Watch(Generic[Item]):
    """What to watch: a list, from `since` on (an event's position, a revision), or from now on."""

    listing: Listing[Item]
    since: str | None = None


class Following(Generic[Item]):
    """One watch, over as many streams as it takes.

    Raises, from `lost` and `take`:
        ApiProblem: refused; with the code RevisionGone it was away for too long: list again.
        Unreachable: no controller answered as often as was tried.
    """

    def __init__(self, watch: Watch[Item], around: Surroundings) -> None:
        self._watch = watch
        self._around = around
        self._position = watch.since
        self._told = decoder(Told[watch.listing.item])  # type: ignore[name-defined]  # made at run time
        self._tries = 0
        self._started = False
        self._begin()

    def _begin(self) -> None:
        self._text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()

    def request(self) -> Request[bytes]:
        """What to send, for a stream that goes on where the last one ended."""
        self._begin()
        since = {} if self._position is None else {"since": self._position}
        query = {**self._watch.listing.query, "watch": "true", **since}
        return Request("GET", self._watch.listing.path, bytes, query, answer_seconds=SILENT_SECONDS)

    def take(self, piece: bytes) -> list[Event[Item]]:
        """The events that are whole with these bytes."""
        self._tries = 0
        try:
            self._text += self._decoder.decode(piece)
            if len(self._text) > EVENT_CHARS_MAX:
                raise BadAnswer(self._where, "an event without end")
            *whole, self._text = self._text.split("\n\n")
            events = [self._event(text) for text in whole]
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise BadAnswer(self._where, str(error)) from error
        return [event for event in events if event is not None]

    def lost(self, outcome: Lost | Received) -> float:
        """The stream ended, or was refused: how many seconds to rest before the next."""
        passing = isinstance(outcome, Lost) or outcome.status in PASSING_STATUSES
        if not passing and isinstance(outcome, Received) and outcome.status != 200:
            read(self.request(), outcome)
            raise BadAnswer(self._where, f"status {outcome.status}")
        if self._tries >= self._around.retries_max:
            if isinstance(outcome, Received) and outcome.status != 200:
                read(self.request(), outcome)
            cause = outcome.cause if isinstance(outcome, Lost) else "the stream ended at once"
            raise Unreachable(self._around.target, cause, tries=self._tries + 1)
        rest = pause_seconds(outcome, self._tries, self._around.chance)
        self._tries += 1
        return rest

    @property
    def _where(self) -> str:
        return f"GET {self._watch.listing.path}"

    def _event(self, text: str) -> Event[Item] | None:
        said = dict[str, str]()
        for line in text.split("\n"):
            name, _, value = line.partition(": ")
            said[name] = value
        self._position = said.get("id", self._position)
        if "event" not in said:
            return None
        told: Told[Item] = self._told(said.get("data", "").encode())
        kind = EventKind(said["event"])
        if kind is EventKind.GONE:
            advice = f"the changes since {self._position} are no longer known; list again"
            raise ApiProblem(410, ApiError("RevisionGone", advice))
        if kind is EventKind.STARTED:
            again, self._started = self._started, True
            if again:
                return None
        position = self._position or str(told.revision)
        return Event(kind, told.revision, position, told.id or "", told.item)
