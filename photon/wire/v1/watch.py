"""What a watch stream tells: one server-sent event for each change (docs/how-to/watch.md)."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")


class EventKind(StrEnum):
    """The `event` of a server-sent event."""

    STARTED = "started"  # first of all: what is told from here on came after its revision
    CHANGED = "changed"  # made, or changed
    DELETED = "deleted"
    LEFT = "left"  # it is there, and the list that is watched would no longer show it
    GONE = "gone"  # the feed no longer reaches back to where this reader is: list again


class Told(msgspec.Struct, Generic[Item]):
    """The `data` of an event. `item` is there for CHANGED alone, as a GET would show it."""

    revision: int
    id: str | None = None
    item: Item | None = None
