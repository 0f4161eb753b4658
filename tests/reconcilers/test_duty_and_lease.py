"""Duties go on whatever happens to one pass; a controller's lease says whether it lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from photon.domain.controller import Controller
from photon.reconcilers.duty import Duty, DutyDriver
from photon.reconcilers.lease import LEASE_SECONDS, RENEW_SECONDS, ControllerLease
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import CONTROLLERS, NOUNS
from photon.store.protocol import Delete, Update
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.tasks.rig import until
from tests.tasks.world import WorldClock


async def test_a_duty_that_fails_is_done_again_at_its_pace() -> None:
    clock, passes = WorldClock(0.0), list[float]()

    async def once() -> None:
        passes.append(clock.monotonic())
        if len(passes) < 3:
            raise OSError("not today")

    driver = DutyDriver(clock, lambda: False)
    driver.start([Duty("testing", 5.0, once)])
    await until(lambda: len(passes) == 4)
    await driver.close()
    assert passes[:4] == [0.0, 5.0, 10.0, 15.0]


async def test_only_background_duties_rest_while_they_are_paused() -> None:
    clock, done = WorldClock(0.0), list[str]()
    paused = [True]

    def duty(name: str, *, background: bool) -> Duty:
        async def once() -> None:
            done.append(name)

        return Duty(name, 1.0, once, background=background)

    driver = DutyDriver(clock, lambda: paused[0])
    driver.start([duty("lease", background=False), duty("audit", background=True)])
    await until(lambda: len(done) > 10)
    assert set(done) == {"lease"}
    paused[0] = False
    await until(lambda: "audit" in done)
    await driver.close()


async def test_a_closed_driver_does_nothing_more() -> None:
    begun = asyncio.Event()

    async def once() -> None:
        begun.set()
        await asyncio.Event().wait()

    driver = DutyDriver(WorldClock(0.0), lambda: False)
    driver.start([Duty("endless", 1.0, once)])
    await begun.wait()
    await driver.close()
    assert len(asyncio.all_tasks()) == 1


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = SqliteStore(MEMORY, NOUNS, WorldClock(0.0), SqliteOptions(durably=Inline()))
    yield store
    await store.close()


class _Told:
    def __init__(self) -> None:
        self.lost = 0

    def __call__(self) -> None:
        self.lost += 1


def _lease(store: SqliteStore, clock: WorldClock, told: _Told) -> ControllerLease:
    return ControllerLease(store, clock, Controller("c1", "c1", "", 0, 0), told)


async def test_a_lease_outlives_two_renewals_that_fail(store: SqliteStore) -> None:
    clock, told = WorldClock(100.0), _Told()
    lease = _lease(store, clock, told)
    await lease.register()
    clock.seconds += RENEW_SECONDS
    await lease.renew()
    clock.seconds += RENEW_SECONDS * 2
    row = await store.find(CONTROLLERS, "c1")
    assert row is not None
    assert row.lease_until_ms == (100.0 + RENEW_SECONDS + LEASE_SECONDS) * 1000
    assert row.lease_until_ms >= clock.now_ms()
    await lease.renew()
    assert told.lost == 0


@pytest.mark.parametrize("declared_dead_by", ["deleting", "writing"])
async def test_a_controller_that_was_declared_dead_learns_it_and_stops(
    store: SqliteStore, declared_dead_by: str
) -> None:
    told = _Told()
    lease = _lease(store, WorldClock(100.0), told)
    await lease.register()
    row = await store.find(CONTROLLERS, "c1")
    assert row is not None
    if declared_dead_by == "deleting":
        await store.commit([Delete(CONTROLLERS, "c1")])
    else:
        await store.commit([Update(CONTROLLERS, msgspec.structs.replace(row, name="taken"))])
    await lease.renew()
    assert told.lost == 1
    await lease.give_up()  # no error: somebody did it before


async def test_who_says_goodbye_is_off_the_list(store: SqliteStore) -> None:
    lease = _lease(store, WorldClock(100.0), _Told())
    await lease.register()
    assert await lease.others() == []
    await lease.renew()
    await lease.give_up()
    assert await store.count(CONTROLLERS, {}) == 0
