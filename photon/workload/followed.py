"""A list that is followed: what was listed, what its stream told since, and what must hold of it.

Nothing is missed, nothing is told twice, everything comes in the order of its revision; so what was
listed, with the events after it, is what a list shows when all is quiet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from photon.domain.task import TaskState
from photon.wire.v1.watch import EventKind
from photon.workload.broken import Broken, Promise
from photon.workload.facts import NEVER
from photon.workload.history import Moment
from photon.workload.ledger import RANK, Json
from photon.workload.things import Project, Shelf, Tenant, Thing

# Changes of these are told of elsewhere, or not at all (docs/how-to/watch.md), or are of the
# controller that was asked.
UNTOLD: Final = frozenset({"selfLink", "quota", "hostState"})
# What a project inherits, and so what is its own beside that, changes with its tenant.
UNTOLD_OF_PROJECTS: Final = UNTOLD | {"securityGroups"}
_WHOLE: Final = 1 << 30  # After all changes of a revision: no revision has so many.


@dataclass(frozen=True, slots=True)
class Told:
    """One part of a stream. `kind` "": a sign of life, or a word of farewell."""

    kind: str
    position: str = ""
    revision: int = 0
    id: str = ""
    item: Json | None = None


class Events:
    """Makes parts of the pieces of a stream, wherever they are cut."""

    def __init__(self) -> None:
        self._bytes = b""

    def take(self, piece: bytes) -> Iterator[Told]:
        """Raises Broken."""
        *whole, self._bytes = (self._bytes + piece).split(b"\n\n")
        for block in whole:
            try:
                yield _told(block.decode())
            except (ValueError, KeyError, TypeError) as problem:
                text = f"a stream has {block[:200]!r}: {problem!r}"
                raise Broken(Promise.ANSWER_IS_WELL_FORMED, text) from None


def _told(block: str) -> Told:
    said = dict(line.partition(": ")[::2] for line in block.split("\n"))
    position = said.get("id", "")
    if "event" not in said:
        return Told("", position)
    content = msgspec.json.decode(said["data"])
    kind, item = EventKind(said["event"]), content["item"]
    if (item is not None) != (kind is EventKind.CHANGED):
        raise ValueError("an item comes with what changed, and with that alone")
    if item is not None and item["id"] != content["id"]:
        raise ValueError("the item is another one")
    return Told(kind, position, content["revision"], content["id"] or "", item)


def place_of(position: str) -> tuple[int, int]:
    """Where an event's id is, among all: `R.n` is before `R`, which is after all of R."""
    revision, _, part = position.partition(".")
    return int(revision), int(part) if part else _WHOLE


@dataclass(frozen=True, slots=True)
class Subject:
    """What a list is of. `things`: what the model knows that may be in it; None: tasks.

    `state`: the list has those alone that are in it.
    """

    path: str
    noun: str
    shelf: Shelf[Any] | None = None
    owner: Tenant | Project | None = None
    state: str = ""

    @property
    def things(self) -> Iterator[Thing]:
        for thing in self.shelf or ():
            if self.owner in (
                None,
                getattr(thing, "project", None),
                getattr(thing, "tenant", None),
            ):
                yield thing


@dataclass(slots=True)
class Followed:
    """`begun` is when the list was asked for that it rests on."""

    subject: Subject
    position: str
    begun: Moment
    items: dict[str, Json]
    known: dict[str, None] = field(default_factory=dict)  # all that was ever listed or told

    def __post_init__(self) -> None:
        self.known |= dict.fromkeys(self.items)

    def reached(self, revision: int) -> bool:
        """Whether all of this revision, and of those before it, has been told."""
        return place_of(self.position) >= (revision, _WHOLE)

    def begins(self, told: Told) -> None:
        """The first part of a stream that was to go on from `position`. Raises Broken."""
        if told.kind != EventKind.STARTED or told.position != self.position:
            text = f"{self._name} was to go on from {self.position}, and begins with {told}"
            raise Broken(Promise.WATCH_TELLS_ONCE, text)

    def hear(self, told: Told) -> None:
        """Raises Broken: it was told before, or comes too late."""
        if not told.position:
            return
        place, before = place_of(told.position), place_of(self.position)
        if place < before or (told.kind and place == before) or told.kind == EventKind.STARTED:
            text = f"{self._name} was told up to {self.position}, and then {told}"
            raise Broken(Promise.WATCH_TELLS_ONCE, text, told.id)
        self.position = told.position
        if not told.kind:
            return
        if told.revision != place[0]:
            text = f"{self._name} was told of revision {told.revision} as {told.position}"
            raise Broken(Promise.ANSWER_IS_WELL_FORMED, text, told.id)
        self.known[told.id] = None
        if told.item is None:
            self.items.pop(told.id, None)
            return
        self._judge(told.id, told.item)
        self.items[told.id] = told.item

    def _judge(self, id: str, item: Json) -> None:
        state, before = self.subject.state, self.items.get(id)
        if state and item["state"] != state:
            text = f"{self._name} tells of {id}, which is {item['state']}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, id)
        if before is not None and self.subject.noun == "task":
            was, now = TaskState(before["state"]), TaskState(item["state"])
            if RANK[now] < RANK[was]:
                text = f"{self._name} told task {id} to be {was}, and later to be {now}"
                raise Broken(Promise.READS_SEE_WRITES, text, id, item["entity"]["id"])

    def differs(self, listed: Sequence[Json]) -> Broken | None:
        """What a list of the same moment shows otherwise, or what was never told."""
        there = {str(item["id"]): item for item in listed}
        for id in dict.fromkeys((*self.items, *there)):
            told, shown = _told_of(self.items.get(id)), _told_of(there.get(id))
            if told != shown:
                text = f"{self._name}, up to {self.position}, has {told}; a list has {shown}"
                return Broken(Promise.WATCH_MISSES_NOTHING, text, id)
        if self.subject.state:
            return None
        for thing in self.subject.things:
            life = thing.life
            if life.made != NEVER and life.asked > self.begun and thing.id not in self.known:
                text = f"{self._name} never told of {thing.id} ({thing.name})"
                return Broken(Promise.WATCH_MISSES_NOTHING, text, thing.id)
        return None

    @property
    def _name(self) -> str:
        return f"the stream of {self.subject.path}"


def _told_of(item: Json | None) -> Json | None:
    """What of an item a stream tells, each time that it changes."""
    if item is None:
        return None
    untold = UNTOLD_OF_PROJECTS if item.get("kind") == "project" else UNTOLD
    return {name: item[name] for name in item if name not in untold}
