"""Lists that are watched: a stream of server-sent events, one for each change of what a list shows.

A stream is a cursor in the change feed. It reads a page of changes, tells those that its list is
about, and reads on; when there are no more it waits to be woken. Catching up and following live are
the same thing, so there is no seam at which a change could be missed or told twice.

A change is told when the entity is still as that change left it. If it was changed again meanwhile,
that is a later change in the feed, and is told in its place: so changes in quick succession become
one, and what is told is never older than its revision.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from photon.api.edge_errors import RevisionGone
from photon.api.paging import Listing, list_page
from photon.api.plane import Plane
from photon.api.route import Call
from photon.api.watches import Watcher
from photon.domain.error_catalogue import InvalidQueryParams
from photon.store.errors import FeedTrimmed, StoreUnavailable
from photon.store.nouns import TOMBSTONES
from photon.store.protocol import Change, Entity, Revision
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.watch import EventKind, Told

EVENT_STREAM: Final = "text/event-stream"
CHANGES_A_LOOK: Final = 100  # About 200 KB of events at most, all that is in memory for a reader.
GATHER_SECONDS: Final = 0.02  # Under load a look is for the changes of many commits.
HEARTBEAT_SECONDS: Final = 15.0  # Half of the 30 s after which many proxies cut a silent line.
DRAIN_SECONDS: Final = 20.0  # Whoever takes nothing for so long is gone, or too slow for ever.
RETRY_MS: Final = 1_000  # So soon does a browser come back by itself.

# No operation changes these: what is elsewhere was never in the list. Others, such as a state, may
# take an entity out of it.
FIXED: Final = frozenset({"project_id", "tenant_id", "entity_id", "entity_kind", "name"})
_SCOPES: Final = ("project_id", "tenant_id")
_POSITION: Final = re.compile(r"([0-9]{1,18})(?:\.([0-9]{1,4}))?\Z")

E = TypeVar("E", bound=Entity)
View = TypeVar("View")
encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Position:
    """All of `revision` was told, and `part` changes of the next one. An event's id says so."""

    revision: Revision
    part: int = 0


def position_of(text: str) -> Position:
    """`R` is after all of revision R; `R.n` is after the first n changes of R."""
    said = _POSITION.match(text)
    if said is None:
        raise InvalidQueryParams("since is a revision, or the id of an event")
    revision, part = int(said[1]), said[2]
    if part is None:
        return Position(Revision(revision))
    return Position(Revision(max(revision - 1, 0)), int(part))


async def listed(
    plane: Plane, call: Call[Any, Any], listing: Listing[E, View]
) -> ResourceList[View] | WatchStream:
    """A page of the list; or, where the query says `watch`, the stream of its changes.

    Raises:
        RevisionGone: what happened since then is no longer known.
        TooManyWatchers: here; another controller may have room.
    """
    query = call.query
    if not query.watch:
        return await list_page(plane, call, listing)
    if query.page_link is not None or query.page_size is not None:
        raise InvalidQueryParams("a watch has no pages; leave pageSize and pageLink out")
    return await WatchStream.opened(plane, call, listing)


class WatchStream:
    """An asynchronous iterator of bytes; `close` comes when the answer ends, however it does."""

    def __init__(
        self, plane: Plane, call: Call[Any, Any], listing: Listing[Any, Any], start: Position
    ) -> None:
        self._plane = plane
        self._call = call
        self._listing = listing
        self._where = listing.where
        self._at = start
        self._started = False
        self._ended = False
        self._draining: asyncio.TimerHandle | None = None
        self._watcher = Watcher({listing.noun.name, *listing.also})

    @classmethod
    async def opened(
        cls, plane: Plane, call: Call[Any, Any], listing: Listing[Any, Any]
    ) -> WatchStream:
        newest = await plane.store.revision()
        said = call.last_event_id or call.query.since
        start = Position(newest) if said is None else position_of(said)
        if start.revision > newest:  # The store is another one, or an older state of this one.
            raise RevisionGone(start.revision, newest)
        try:
            await plane.store.changes(start.revision, limit=1)
        except FeedTrimmed as trimmed:
            raise RevisionGone(start.revision, trimmed.oldest) from None
        stream = cls(plane, call, listing, start)
        plane.watches.enter(stream._watcher)
        if call.line is not None:
            call.line.when_lost(stream._lost)
        return stream

    def __aiter__(self) -> WatchStream:
        return self

    async def __anext__(self) -> bytes:
        """Called when what was given last has been taken."""
        self._taken()
        piece = await self._next()
        if self._call.line is not None:
            loop = asyncio.get_running_loop()
            self._draining = loop.call_later(DRAIN_SECONDS, self._call.line.abort)
        return piece

    async def close(self) -> None:
        self._taken()
        self._plane.watches.leave(self._watcher)

    def _taken(self) -> None:
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None

    def _lost(self) -> None:
        self._plane.watches.leave(self._watcher)
        self._watcher.end()

    async def _next(self) -> bytes:
        if not self._started:
            self._started = True
            begin = self._event(EventKind.STARTED, Told(self._at.revision), self._id())
            return b"retry: %d\n%b" % (RETRY_MS, begin)
        if self._ended:
            raise StopAsyncIteration
        try:
            return await self._told()
        except FeedTrimmed as trimmed:
            self._ended = True
            return self._event(EventKind.GONE, Told(trimmed.oldest), None)
        except StoreUnavailable:
            return self._farewell("the store cannot be read")

    async def _told(self) -> bytes:
        """The next events; or a heartbeat, when nothing has come for a while."""
        loop = asyncio.get_running_loop()
        silent_until = loop.time() + HEARTBEAT_SECONDS
        while not self._watcher.over:
            self._watcher.look()
            newest = await self._plane.store.revision() if loop.time() >= silent_until else None
            changes = await self._plane.store.changes(self._at.revision, limit=CHANGES_A_LOOK)
            if changes:
                told = await self._events(changes)
                self._at = Position(changes[-1].revision)
                if told:
                    return told
                await asyncio.sleep(0)  # Others come in between: it may have far to catch up.
            elif newest is not None:
                # Revisions without a change that the feed tells of move it on as well.
                self._at = Position(max(newest, self._at.revision))
            if newest is not None:
                return b": still here\nid: %b\n\n" % self._id()
            if not changes and await self._watcher.woken(silent_until - loop.time()):
                await asyncio.sleep(GATHER_SECONDS)
        if self._watcher.stopping:
            return self._farewell("this controller stops")
        raise StopAsyncIteration

    def _farewell(self, why: str) -> bytes:
        self._ended = True
        return f": {why}; go on from the last id, here or at another controller\n\n".encode()

    def _id(self) -> bytes:
        at = self._at
        return (f"{at.revision + 1}.{at.part}" if at.part else f"{at.revision}").encode()

    async def _events(self, changes: Sequence[Change]) -> bytes:
        ours = self._ours(changes)
        # One revision may have more changes than a look is for.
        parts = [
            await self._events_of(ours[start : start + CHANGES_A_LOOK])
            for start in range(0, len(ours), CHANGES_A_LOOK)
        ]
        return b"".join(parts)

    async def _events_of(self, ours: Sequence[tuple[Change, bytes]]) -> bytes:
        kinds, views = await self._looked_up([change for change, _ in ours])
        told: list[bytes] = []
        for (change, id), kind in zip(ours, kinds, strict=True):
            if kind is not None:
                item = views[change.id] if kind is EventKind.CHANGED else None
                told.append(self._event(kind, Told(change.revision, change.id, item), id))
        return b"".join(told)

    def _ours(self, changes: Sequence[Change]) -> list[tuple[Change, bytes]]:
        """The changes of what is watched, each with the id of its event."""
        ours: list[tuple[Change, bytes]] = []
        part, revision, skipped = 0, 0, Position(Revision(changes[0].revision - 1), self._at.part)
        last_of = {change.revision: index for index, change in enumerate(changes)}
        for index, change in enumerate(changes):
            part = part + 1 if change.revision == revision else 1
            revision = change.revision
            again = revision == skipped.revision + 1 and part <= skipped.part
            if again or change.noun not in self._watcher.nouns:
                continue
            whole = last_of[revision] == index
            ours.append((change, f"{revision}{'' if whole else f'.{part}'}".encode()))
        return ours

    async def _looked_up(
        self, changes: Sequence[Change]
    ) -> tuple[list[EventKind | None], dict[str, Any]]:
        store, noun = self._plane.store, self._listing.noun
        rows = await store.find_many(noun, list(dict.fromkeys(change.id for change in changes)))
        found = {row.id: row for row in rows}
        lost = [change.id for change in changes if change.id not in found]
        graves = {row.id: row for row in await store.find_many(TOMBSTONES, lost)}
        kinds = [self._kind(change, found.get(change.id), graves) for change in changes]
        told = {
            change.id
            for change, kind in zip(changes, kinds, strict=True)
            if kind is EventKind.CHANGED
        }
        shown = [row for row in rows if row.id in told]
        views = await self._listing.shown(shown, self._call.base)
        return kinds, dict(zip((row.id for row in shown), views, strict=True))

    def _kind(self, change: Change, row: Any, graves: dict[str, Any]) -> EventKind | None:
        """What is to be told of a change; None: nothing."""
        own = change.noun == self._listing.noun.name
        if row is None:
            return EventKind.DELETED if own and self._was_ours(change, graves) else None
        if own and change.generation != row.generation:
            return None  # It was changed again: that change is yet to come, and is told.
        columns = self._listing.noun.columns
        others = {name for name, value in self._where.items() if columns[name](row) != value}
        if not others:
            return EventKind.CHANGED
        if others & FIXED or row.generation == 1:
            return None
        return EventKind.LEFT

    def _was_ours(self, change: Change, graves: dict[str, Any]) -> bool:
        """What is known of the dead: where they were. Of a task not even that."""
        grave = graves.get(change.id)
        if change.generation or grave is None:
            return not change.generation
        return grave.within is None or all(
            self._where[name] == grave.within for name in _SCOPES if name in self._where
        )

    def _event(self, kind: EventKind, told: Told[Any], id: bytes | None) -> bytes:
        named = b"" if id is None else b"id: %b\n" % id
        return b"event: %b\n%bdata: %b\n\n" % (kind.encode(), named, encode(told))


Listed = ResourceList[View] | WatchStream
