"""The store of a simulated controller keeps the contract, on calm lines and on others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from photon.outside.clock import RealClock
from photon.simulation.line import LineConditions, Service
from photon.simulation.store import StoreConditions, StoreServer
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.errors import StoreOutcomeUnknown, StoreUnavailable
from photon.store.postgres.store import PostgresOptions, PostgresStore
from photon.store.protocol import Change, Charge, Revision
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.store.contract_atomic import AtomicContract
from tests.store.contract_feed import FeedContract
from tests.store.contract_model import SETTINGS, StoreMachine
from tests.store.contract_pages import PageContract
from tests.store.contract_quota import QuotaContract
from tests.store.contract_rows import RowContract
from tests.store.contract_shared import SharedContract, stores, told
from tests.store.things import NOUNS, THINGS, count_of, inserted

__all__ = ["stores"]

SLOW = LineConditions(0.0, 0.002)
# Both are retried at once, so that they cost little time.
LOSSY = LineConditions(0.0, 0.0005, lost_questions=0.02, lost_answers=0.02)
WRITE_SETS = 300


class World:
    """One server, and the stores of some processes."""

    def __init__(self, conditions: LineConditions, seed: int = 1) -> None:
        options = SqliteOptions(durably=Inline())
        self.truth = SqliteStore(MEMORY, NOUNS, RealClock(), options)
        self.service = Service("store", Random(seed))
        self.service.conditions = conditions
        self.server = StoreServer(self.truth, self.service, Random(seed + 1))
        self._opened: list[PostgresStore] = []

    async def start(self) -> None:
        await self.server.start()
        self.store = await self.open_another()

    async def open_another(self, options: PostgresOptions | None = None) -> PostgresStore:
        name = f"c{len(self._opened)}"
        store = await self.server.open(name, NOUNS, RealClock(), options)
        self._opened.append(store)
        return store

    async def reopen(self) -> PostgresStore:
        await self.store.close()
        self.store = await self.open_another()
        return self.store

    async def close(self) -> None:
        for store in self._opened:
            await store.close()
        self.server.close()
        await self.truth.close()


async def opened(conditions: LineConditions) -> AsyncIterator[World]:
    world = World(conditions)
    await world.start()
    yield world
    await world.close()


@pytest.fixture(params=[LineConditions(), LOSSY], ids=["calm", "lossy"])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[World]:
    async for world in opened(request.param):
        yield world


@pytest.fixture
async def shared() -> AsyncIterator[World]:
    async for world in opened(SLOW):
        yield world


class TestRows(RowContract): ...


class TestQuota(QuotaContract): ...


class TestAtomic(AtomicContract): ...


class TestFeed(FeedContract): ...


class TestPages(PageContract): ...


class TestShared(SharedContract): ...


class SimulatedMachine(StoreMachine):
    async def open_store(self) -> PostgresStore:
        world = World(LineConditions())
        await world.start()
        return world.store


TestModel = SimulatedMachine.TestCase
TestModel.settings = SETTINGS


async def test_lines_that_break_at_any_moment_lose_and_double_nothing() -> None:
    world = World(LOSSY, seed=3)
    await world.start()
    world.server.conditions = StoreConditions(0.001, lost_notices=0.3, rolled_back=0.02)
    others = [world.store, await world.open_another()]
    heard: list[list[Change]] = [[], []]
    for store, changes in zip(others, heard, strict=True):
        store.subscribe(changes.extend)
    acknowledged: dict[str, int] = {}

    async def write(n: int) -> None:
        id, store = f"t{n}", others[n % 2]
        revision = await store.commit([*inserted(id), Charge("o1", (count_of("vm", 1),))])
        acknowledged[id] = revision
        assert await store.find(THINGS, id) is not None

    for start in range(0, WRITE_SETS, 10):
        await asyncio.gather(*map(write, range(start, start + 10)))
    changes = await world.truth.changes(Revision(0), limit=10_000)
    assert {change.id: change.revision for change in changes} == acknowledged
    assert len(changes) == WRITE_SETS, "something was applied twice"
    assert [row.usage for row in await world.truth.quota("o1")] == [WRITE_SETS]
    for one in heard:
        await told(one, WRITE_SETS)
        assert one == changes
    await world.close()


async def _broken_in_the_middle(world: World, store: PostgresStore) -> asyncio.Task[Revision]:
    world.service.conditions = LineConditions(lost_answers=1.0)
    waiting = asyncio.create_task(store.commit(inserted("done")))
    while await world.truth.find(THINGS, "done") is None:  # noqa: ASYNC110  # it tells nobody
        await asyncio.sleep(0)
    world.service.go_away()
    world.service.conditions = LineConditions()
    return waiting


async def test_who_hears_nothing_after_a_failover_is_told_that_nobody_knows() -> None:
    world = World(LineConditions())
    await world.start()
    store = await world.open_another(PostgresOptions(failover_seconds=0.2))
    first = await _broken_in_the_middle(world, store)
    second = asyncio.create_task(store.commit(inserted("never-sent")))
    with pytest.raises(StoreOutcomeUnknown):
        await first
    with pytest.raises(StoreUnavailable) as raised:
        await second
    assert not isinstance(raised.value, StoreOutcomeUnknown)
    world.service.come_back()
    assert await store.commit(inserted("later")) == 2
    await world.close()


async def test_a_commit_whose_answer_a_failover_took_is_found_again() -> None:
    world = World(LineConditions())
    await world.start()
    heard: list[Change] = []
    world.store.subscribe(heard.extend)
    waiting = await _broken_in_the_middle(world, world.store)
    asyncio.get_running_loop().call_later(0.1, world.service.come_back)
    assert await waiting == 1
    assert heard == [Change(Revision(1), "things", "done", 1)]
    assert await world.truth.revision() == 1
    await world.close()


async def test_what_a_dead_process_had_sent_may_still_happen_and_nothing_after_it() -> None:
    world = World(LineConditions(0.001, 0.001))
    await world.start()
    dying = await world.open_another()
    waiting = asyncio.create_task(dying.commit(inserted("sent")))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0.0005)
    waiting.cancel()
    await asyncio.sleep(0.01)
    assert await world.truth.find(THINGS, "sent") is not None
    await world.close()


async def test_who_is_cut_off_gives_a_line_up_and_is_heard_again_once_mended() -> None:
    world = World(LineConditions())
    await world.start()
    store = await world.open_another(PostgresOptions(answer_seconds=0.1, failover_seconds=30.0))
    world.service.cut("c1")
    waiting = asyncio.create_task(store.commit(inserted("t1")))
    await asyncio.sleep(0.05)
    world.service.mend("c1")
    assert await waiting == 1
    await world.close()


async def test_a_full_disk_refuses_all_and_more_room_is_used() -> None:
    world = World(LineConditions())
    await world.start()
    world.server.conditions.full = True
    with pytest.raises(StoreUnavailable, match="disk has room"):
        await world.store.commit(inserted("t1"))
    world.server.conditions.full = False
    assert await world.store.commit(inserted("t1")) == 1
    await world.close()
