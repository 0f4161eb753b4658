"""Duties go on whatever happens to one pass, each where it is to be done."""

from __future__ import annotations

import asyncio

from photon.reconcilers.duty import LOOK_SECONDS, Duty, DutyDriver
from tests.tasks.rig import until
from tests.tasks.world import WorldClock


async def test_a_duty_that_fails_is_done_again_at_its_pace() -> None:
    clock, passes = WorldClock(0.0), list[float]()

    async def once() -> None:
        passes.append(clock.monotonic())
        if len(passes) < 3:
            raise OSError("not today")

    driver = DutyDriver(clock, lambda: False, _leads)
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

    driver = DutyDriver(clock, lambda: paused[0], _leads)
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

    driver = DutyDriver(WorldClock(0.0), lambda: False, _leads)
    driver.start([Duty("endless", 1.0, once)])
    await begun.wait()
    await driver.close()
    assert len(asyncio.all_tasks()) == 1


async def test_a_duty_of_an_office_is_done_by_who_holds_it_and_soon_after_it_came_to_it() -> None:
    clock, done, held = WorldClock(0.0), list[float](), set[str]()

    async def once() -> None:
        done.append(clock.monotonic())

    driver = DutyDriver(clock, lambda: False, held.__contains__)
    driver.start([Duty("rare", 12 * 3600.0, once, office="housekeeper")])
    await until(lambda: clock.monotonic() > 100)
    assert done == []
    held.add("housekeeper")
    began = clock.monotonic()
    await until(lambda: len(done) > 0)
    await driver.close()
    assert done[0] - began <= LOOK_SECONDS


def _leads(office: str) -> bool:
    raise AssertionError("these duties are everybody's")
