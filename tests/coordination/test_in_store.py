"""Coordination in the CloudStore, in a time that the test turns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

import pytest

from photon.coordination.in_store import StoreCoordination
from photon.coordination.silence import Silence
from photon.coordination.terms import LeaseTerms
from photon.domain.member import Office
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.errors import StoreUnavailable
from photon.store.nouns import MEMBERS, NOUNS, OFFICES
from photon.store.protocol import Change, CloudStore, Delete, Insert, Revision, Update, Write
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.coordination.contract import CoordinationContract, Peer, a_member
from tests.coordination.turning import TurnedClock, TurnedTime

TERMS = LeaseTerms()
LATE = TERMS.renew_seconds  # How long after a lease's end the others look, at the latest.


class _Store(SqliteStore):
    """Can be away for all who use it."""

    away = False

    async def commit(self, writes: Sequence[Write]) -> Revision:
        if self.away:
            raise StoreUnavailable("The store is away.")
        return await super().commit(writes)


class _Mailbox:
    """The store as one process has it: what the feed tells waits while the process is frozen."""

    def __init__(self, store: CloudStore, clock: TurnedClock) -> None:
        self._clock = clock
        self.commit = store.commit
        self.find = store.find
        self.page = store.page
        self._waiting: list[Change] = []
        self._listener: Callable[[Sequence[Change]], None] = lambda changes: None
        self._stop = store.subscribe(self._heard)

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        self._listener = listener
        return self._stop

    def _heard(self, changes: Sequence[Change]) -> None:
        self._waiting += changes
        if not self._clock.frozen:
            self.thaw()

    def thaw(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._listener(waiting)


class StoreLab:
    """Members of one store in memory; each on a machine whose clock is an hour off the next."""

    def __init__(self) -> None:
        self.time = TurnedTime()
        options = SqliteOptions(durably=Inline())
        self.store = _Store(MEMORY, NOUNS, self.time.clock(), options)
        self._made: list[StoreCoordination] = []

    async def peer(self, name: str, *, sole: bool = False) -> Peer:
        member, losses = a_member(name), list[str]()
        clock = self.time.clock(offset_seconds=3600.0 * len(self._made))
        mailbox = _Mailbox(self.store, clock)
        coordination = StoreCoordination(
            cast(CloudStore, mailbox), clock, TERMS, lambda: losses.append(member.id), sole=sole
        )
        await coordination.join(member)
        self._made.append(coordination)

        def freeze() -> None:
            clock.frozen = True

        def thaw() -> None:
            clock.frozen = False
            mailbox.thaw()

        async def die() -> None:
            freeze()

        return Peer(member, coordination, losses, freeze, thaw, die)

    async def moment(self) -> None:
        await self.time.turn(TERMS.renew_seconds)

    async def lease(self) -> None:
        await self.time.turn(TERMS.lease_seconds + LATE)

    async def close(self) -> None:
        for coordination in self._made:
            await coordination.leave()
        await self.store.close()


@pytest.fixture
async def lab() -> AsyncIterator[StoreLab]:
    lab = StoreLab()
    yield lab
    await lab.close()


class TestInStore(CoordinationContract):
    pass


async def test_in_an_embedded_store_whoever_else_is_listed_is_dead_at_once(lab: StoreLab) -> None:
    before = await lab.peer("before", sole=True)
    await before.coordination.campaign("chairman").wait()
    await before.die()
    peer = await lab.peer("after", sole=True)
    assert peer.sees() == ["id-after"]
    office = peer.coordination.campaign("chairman")
    await lab.time.settle()
    assert office.fence() is not None, "without any time having passed"


async def test_in_an_embedded_store_nothing_is_given_up_however_long_a_disk_takes(
    lab: StoreLab,
) -> None:
    peer = await lab.peer("a", sole=True)
    office = peer.coordination.campaign("chairman")
    fence = await office.wait()
    lab.store.away = True
    await lab.time.turn(10 * TERMS.lease_seconds)
    assert office.fence() == fence
    lab.store.away = False


async def test_a_store_that_was_away_makes_nobody_dead_and_leaders_lead_again(
    lab: StoreLab,
) -> None:
    peers = [await lab.peer(name) for name in "abc"]
    office = peers[0].coordination.campaign("chairman")
    fence = await office.wait()
    for peer in peers[1:]:
        peer.coordination.campaign("chairman")
    lab.store.away = True
    await lab.time.turn(5 * TERMS.lease_seconds)
    assert office.fence() is None, "it cannot know whether others still see it alive"
    lab.store.away = False
    await lab.time.turn(3 * TERMS.lease_seconds)
    assert [peer.losses for peer in peers] == [[], [], []]
    assert peers[0].sees() == ["id-a", "id-b", "id-c"]
    assert office.fence() == fence


async def test_an_observer_that_was_frozen_takes_nobody_for_dead(lab: StoreLab) -> None:
    first, second = await lab.peer("a"), await lab.peer("b")
    await lab.moment()
    first.freeze()
    await lab.time.turn(TERMS.lease_seconds * 0.9)  # so long that it lives, and its view is old
    second.freeze()
    first.thaw()
    await lab.time.turn(TERMS.lease_seconds * 0.5)
    second.thaw()
    await lab.lease()
    assert (first.losses, second.losses) == ([], [])


async def test_a_renewal_whose_answer_was_lost_is_no_death(lab: StoreLab) -> None:
    peer = await lab.peer("a")
    row = await lab.store.find(MEMBERS, peer.id)
    assert row is not None
    await lab.store.commit([Update(MEMBERS, row)])  # as its own, of which it never heard
    await lab.lease()
    assert peer.losses == []
    assert peer.sees() == ["id-a"]


async def test_an_office_taken_in_a_try_whose_answer_was_lost_is_taken_again(
    lab: StoreLab,
) -> None:
    peer = await lab.peer("a")
    before = await lab.store.commit([Insert(OFFICES, Office("chairman", peer.id))])
    assert await peer.coordination.campaign("chairman").wait() > before


async def test_who_is_off_the_list_can_take_no_office(lab: StoreLab) -> None:
    peer = await lab.peer("a")
    peer.freeze()
    assert isinstance(peer.coordination, StoreCoordination)
    await lab.store.commit([Delete(MEMBERS, peer.id)])
    office = peer.coordination.campaign("chairman")
    peer.thaw()
    await lab.moment()
    assert office.fence() is None
    assert await lab.store.count(OFFICES, {}) == 0
    assert peer.losses == [peer.id]


def test_silence_counts_only_while_the_observer_can_see() -> None:
    silence = Silence(TERMS)
    step = TERMS.renew_seconds
    now = 0.0
    assert silence.look({"a": 1}, now) == []
    for _ in range(3):
        now += step
        assert silence.look({"a": 1}, now) == []
    silence.blind()
    now += 100 * step
    assert silence.look({"a": 1}, now) == [], "nothing was seen meanwhile"
    now += 1000 * step  # this process was frozen and did not know
    assert silence.look({"a": 1}, now) == ["a"]


def test_a_member_that_moves_again_is_alive_from_anew() -> None:
    silence = Silence(TERMS)
    step = TERMS.renew_seconds
    for beat in range(4):
        assert silence.look({"a": 1}, beat * step) == []
    assert silence.look({"a": 2}, 4 * step) == []
    for beat in range(5, 8):
        assert silence.look({"a": 2}, beat * step) == []
    assert silence.look({"a": 2}, 8 * step) == ["a"]


async def test_the_members_keep_their_heartbeats_to_a_commit_each_period(lab: StoreLab) -> None:
    await lab.peer("a")
    await lab.moment()
    before = await lab.store.revision()
    await lab.time.turn(10 * TERMS.renew_seconds)
    assert await lab.store.revision() - before == 10


async def test_a_closed_member_leaves_no_task_behind(lab: StoreLab) -> None:
    peer = await lab.peer("a")
    await peer.coordination.leave()
    assert len(asyncio.all_tasks()) == 1
