"""Watch streams, and what becomes of who is too far behind, broken on purpose."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from photon.api import watching
from photon.api.watching import Position, WatchStream
from photon.store.errors import FeedTrimmed
from photon.store.postgres.feed import Follower
from photon.store.postgres.store import PostgresStore
from photon.wire.v1.watch import EventKind
from tests.simulation.mutations.mutation import Mutation, Surgery

HASTY_SECONDS: Final = 1.0  # A reader who takes longer has lost what came meanwhile.
NEVER_SECONDS: Final = 1e9


def skip_what_came_before(surgery: Surgery) -> None:
    """A stream tells what comes from now on, wherever it was to go on from."""

    def around(following: Any) -> Any:
        async def late(self: Any) -> Any:
            begins = not self._started
            piece = await following(self)
            if begins:
                self._at = Position(await self._plane.store.revision())
            return piece

        return late

    surgery.wrap(WatchStream, "_next", around)


def begin_the_write_set_anew(surgery: Surgery) -> None:
    """Of a revision that a reader has in part, everything is told again."""

    def around(ours: Any) -> Any:
        def again(self: Any, changes: Any) -> Any:
            self._at = Position(self._at.revision)
            return ours(self, changes)

        return again

    surgery.wrap(WatchStream, "_ours", around)


def drop_for_slow_readers(surgery: Surgery) -> None:
    """Who did not take the last piece at once goes on with what is new now."""

    def around(following: Any) -> Any:
        async def hasty(self: Any) -> Any:
            now = asyncio.get_running_loop().time()
            given = given_at.pop(id(self), now)
            if now - given > HASTY_SECONDS:
                self._at = Position(await self._plane.store.revision())
            piece = await following(self)
            given_at[id(self)] = asyncio.get_running_loop().time()
            return piece

        return hasty

    given_at: dict[int, float] = {}
    surgery.wrap(WatchStream, "__anext__", around)


def never_cut_off(surgery: Surgery) -> None:
    surgery.replace(watching, "DRAIN_SECONDS", NEVER_SECONDS)


def tell_of_no_end(surgery: Surgery) -> None:
    def around(kind: Any) -> Any:
        def living(self: Any, *args: Any) -> Any:
            found = kind(self, *args)
            return None if found is EventKind.DELETED else found

        return living

    surgery.wrap(WatchStream, "_kind", around)


def tell_what_is_left(surgery: Surgery) -> None:
    """Who is behind the feed's beginning goes on from there, and is not told."""

    def around(changes: Any) -> Any:
        async def left(self: Any, since: Any, *, limit: int) -> Any:
            try:
                return await changes(self, since, limit=limit)
            except FeedTrimmed as trimmed:
                return await changes(self, trimmed.oldest, limit=limit)

        return left

    surgery.wrap(PostgresStore, "changes", around)


def follow_what_is_left(surgery: Surgery) -> None:
    """A controller that is behind the feed's beginning goes on from there."""

    def around(catch_up: Any) -> Any:
        async def on(self: Any, line: Any) -> None:
            try:
                await catch_up(self, line)
            except FeedTrimmed as trimmed:
                self._position.advance([], trimmed.oldest)

        return on

    surgery.wrap(Follower, "_catch_up", around)


MUTATIONS: Final = (
    Mutation(
        "watch-from-now",
        "calm",
        "a stream tells nothing of what came between its list and its beginning",
        skip_what_came_before,
        quick=True,
    ),
    Mutation(
        "write-sets-anew",
        "calm",
        "a stream that is gone on with tells again what was told of its last revision",
        begin_the_write_set_anew,
        quick=True,
    ),
    Mutation(
        "drop-for-the-slow",
        "calm",
        "what comes while a reader rests is dropped for it",
        drop_for_slow_readers,
        quick=True,
    ),
    # Until one has rested for long enough.
    Mutation("keep-the-slow", "calm", "slow readers are never cut off", never_cut_off, steps=600),
    Mutation("untold-ends", "calm", "a stream tells of no end", tell_of_no_end),
    Mutation(
        "watch-what-is-left",
        "trimming",
        "who watches from before the feed's beginning is not told so",
        tell_what_is_left,
    ),
    Mutation(
        "follow-what-is-left",
        "trimming",
        "a controller that missed what the feed has forgotten goes on",
        follow_what_is_left,
    ),
)
