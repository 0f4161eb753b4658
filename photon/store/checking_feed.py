"""Looks whether the change feed is in order, and says what the rows say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple, Protocol

from photon.store.protocol import Noun, Revision
from photon.store.snapshot import Row, Snapshot


class FeedRow(NamedTuple):
    """One row that a revision changed, its `n`-th; `generation` 0: it was deleted."""

    revision: int
    n: int
    noun: str
    id: str
    generation: int


class LiveSnapshot(Snapshot, Protocol):
    """A store that is in use, which has what no backup has: a feed, and an engine below it."""

    @property
    def trimmed(self) -> Revision:
        """The feed tells of what came after it."""
        ...

    def feed(self) -> AsyncIterator[Sequence[FeedRow]]: ...


class FeedCheck:
    """First `read`, then each `row` of each noun that the feed tells of, then `finish`.

    It keeps the newest word on each thing in memory: of some 100,000 revisions.
    """

    def __init__(self, find: Callable[[str], None]) -> None:
        self._find = find
        self._newest: dict[tuple[str, str], FeedRow] = {}
        self._trimmed = 0

    async def read(self, store: LiveSnapshot) -> int:
        """How many changes there are."""
        self._trimmed = store.trimmed
        if store.trimmed > store.revision:
            self._find(f"the feed is trimmed to {store.trimmed}, the store is of {store.revision}")
        before, count = (0, 0), 0
        async for rows in store.feed():
            count += len(rows)
            for row in rows:
                place = row.revision, row.n
                if place <= before:
                    self._find(f"revision {row.revision} ({row.n}) comes after {before[0]}")
                if not store.trimmed < row.revision <= store.revision:
                    self._find(
                        f"the feed has revision {row.revision}; the store is of {store.revision}, "
                        f"and the feed begins after {store.trimmed}"
                    )
                before = place
                self._newest[row.noun, row.id] = row
        return count

    def row(self, noun: Noun[Any], row: Row) -> None:
        told = self._newest.pop((noun.name, row.id), None)
        if told is None:
            if row.revision > self._trimmed:
                self._find(
                    f"{noun.name} {row.id} is of revision {row.revision}, and the feed does not "
                    "tell of it"
                )
        elif (told.revision, told.generation) != (row.revision, row.generation):
            self._find(
                f"{noun.name} {row.id} is at {row.generation} since revision {row.revision}; the "
                f"feed says {told.generation} since {told.revision}"
            )

    def finish(self) -> None:
        for (noun, id), told in self._newest.items():
            if told.generation:
                self._find(
                    f"the feed tells of {noun} {id} at {told.generation}, which is not there"
                )
