"""When all is well again, as the attempts tell it."""

from __future__ import annotations

import asyncio

from photon.chaos.attempts import WELL_IN_A_ROW, Attempts
from photon.chaos.recovery import SLOW_SECONDS, Attempt
from photon.outside.clock import RealClock

END_SECONDS_MAX = 30.0


def some_attempts(*operations: str) -> Attempts:
    clock = RealClock()
    attempts = Attempts(clock, clock.monotonic())
    attempts.operations = list(operations)
    return attempts


async def add(attempts: Attempts, operation: str, problem: str | None = None) -> None:
    now = attempts.now()
    await attempts.add(Attempt(operation, now, now, problem))
    await asyncio.sleep(0)  # Whoever waits for it looks at it.


async def test_each_operation_must_succeed_a_few_times_in_a_row() -> None:
    attempts = some_attempts("read", "write")
    well = asyncio.create_task(attempts.well())
    await asyncio.sleep(0)
    for _ in range(WELL_IN_A_ROW):
        await add(attempts, "read")
    await add(attempts, "write")
    await add(attempts, "write", "refused")
    assert not well.done()
    for _ in range(WELL_IN_A_ROW):
        await add(attempts, "write")
    async with asyncio.timeout(END_SECONDS_MAX):
        await well


async def test_what_began_before_tells_nothing_of_now() -> None:
    attempts = some_attempts("read")
    before = attempts.now() - 1.0
    well = asyncio.create_task(attempts.well())
    await asyncio.sleep(0)
    for _ in range(WELL_IN_A_ROW):
        await attempts.add(Attempt("read", before, attempts.now()))
        await asyncio.sleep(0)
    assert not well.done()
    well.cancel()
    await asyncio.gather(well, return_exceptions=True)


async def test_what_is_ill_is_told_with_its_reason() -> None:
    attempts = some_attempts("read", "write", "watch", "create VM")
    await add(attempts, "read")
    await add(attempts, "write", "refused")
    now = attempts.now()
    await attempts.add(Attempt("watch", now - 2 * SLOW_SECONDS, now))
    assert attempts.ill() == ["write: refused", "watch: took 3.0 s", "create VM: never answered"]
