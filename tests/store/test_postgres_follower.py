"""When a follower of the change feed looks, and when it need not."""

from __future__ import annotations

import asyncio

from photon.outside.clock import RealClock
from photon.store.errors import StoreLost
from photon.store.feed import Listeners
from photon.store.postgres.feed import FeedLine, Follower, Notified, Position, Stretch
from photon.store.protocol import Revision


class Told:
    """A follower that was not started: a test says what it is told, and sees whether it wakes."""

    def __init__(self) -> None:
        self.position = Position(Revision(5), Listeners())
        self.calling = False
        self.follower = Follower(_no_feed, RealClock(), self.position, _not_broken)
        self.follower.spared(lambda: self.calling)

    def of(self, revision: int | None) -> None:
        self.follower._notified(None if revision is None else Revision(revision))

    @property
    def woken(self) -> bool:
        return self.follower._new.is_set()


async def _no_feed(notified: Notified) -> FeedLine:
    raise AssertionError("it is not started")


def _not_broken(error: Exception) -> None:
    raise AssertionError(error)


class _Line:
    """A line to a server that is at `newest`."""

    def __init__(self, newest: int) -> None:
        self.newest = Revision(newest)

    async def read(self, since: Revision, limit: int) -> Stretch:
        return Stretch([], self.newest, self.newest)

    def drop(self) -> None:
        return


async def test_a_server_that_is_behind_what_it_has_told_of_is_lost() -> None:
    """A controller that commits nothing went on, and never heard of what came in its place."""
    told: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()

    async def open_line(notified: Notified) -> FeedLine:
        return _Line(4)

    position = Position(Revision(5), Listeners())
    follower = Follower(open_line, RealClock(), position, told.set_result)
    follower.start()
    error = await told
    assert isinstance(error, StoreLost)
    assert "is at revision 4, and was at 5" in str(error)
    await follower.reach(Revision(6))  # Nobody waits for what never comes.
    await follower.close()


async def test_it_looks_when_it_is_told_of_what_is_new() -> None:
    told = Told()
    told.of(5)
    assert not told.woken
    told.of(6)
    assert told.woken


async def test_it_does_not_look_for_what_an_answer_brings_along() -> None:
    told = Told()
    told.calling = True
    told.of(7)
    assert not told.woken
    told.calling = False
    told.position.revision = Revision(8)  # by that answer
    told.follower.settle()
    assert not told.woken


async def test_it_looks_for_what_the_answer_did_not_bring() -> None:
    told = Told()
    told.calling = True
    told.of(9)
    told.of(7)
    told.calling = False
    told.position.revision = Revision(8)
    told.follower.settle()
    assert told.woken


async def test_it_looks_when_it_cannot_tell_of_what_it_is_told() -> None:
    told = Told()
    told.calling = True
    told.of(None)
    assert told.woken
