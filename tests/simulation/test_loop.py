"""Programs in one loop: time, death and frost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from photon.simulation.crossing import Died, ask
from photon.simulation.loop import NeverWaits, NothingLeft, SimulatedLoop
from photon.simulation.process import Process

T = TypeVar("T")


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    made = SimulatedLoop()
    yield made
    made.bury()


def run(loop: SimulatedLoop, scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
    context = loop.outside.context.copy()
    return loop.run_until_complete(loop.create_task(scene(), context=context))


def test_time_jumps_to_the_next_timer(loop: SimulatedLoop) -> None:
    async def scene() -> float:
        await asyncio.sleep(86_400)
        return loop.time()

    assert run(loop, scene) == 86_400


def test_timers_of_one_moment_run_in_the_order_of_their_making(loop: SimulatedLoop) -> None:
    ran: list[int] = []

    async def scene() -> None:
        for number in range(100):
            loop.call_at(1.0, ran.append, number)
        await asyncio.sleep(2)

    run(loop, scene)
    assert ran == list(range(100))


def test_a_cancelled_timer_neither_runs_nor_moves_the_time(loop: SimulatedLoop) -> None:
    async def scene() -> float:
        for _ in range(5_000):
            loop.call_later(50, pytest.fail).cancel()
        await asyncio.sleep(1)
        return loop.time()

    assert run(loop, scene) == 1


def test_who_waits_for_nothing_is_told(loop: SimulatedLoop) -> None:
    async def scene() -> None:
        await loop.create_future()

    with pytest.raises(NothingLeft):
        run(loop, scene)


def test_a_loop_that_never_waits_is_found() -> None:
    loop = SimulatedLoop(turns_a_moment_max=1_000)

    def again() -> None:
        loop.call_soon(again)

    async def scene() -> None:
        again()
        await asyncio.sleep(1)

    with pytest.raises(NeverWaits):
        run(loop, scene)
    loop.bury()


def test_what_a_thread_would_do_is_done_at_once_and_told_later(loop: SimulatedLoop) -> None:
    async def scene() -> tuple[list[int], int]:
        seen: list[int] = []
        told = loop.run_in_executor(None, seen.append, 1)
        assert not told.done()
        await told
        return seen, await asyncio.to_thread(len, seen)

    assert run(loop, scene) == ([1], 1)


def test_nothing_of_a_killed_process_runs_again_not_even_its_finally(loop: SimulatedLoop) -> None:
    said: list[str] = []

    async def life() -> None:
        try:
            said.append("began")
            await asyncio.gather(asyncio.sleep(1), asyncio.create_task(child()))
            said.append("went on")
        finally:
            said.append("finally")

    async def child() -> None:
        asyncio.get_running_loop().call_later(2, said.append, "timer of a child")
        await asyncio.sleep(10)

    async def scene() -> None:
        process = Process("one", loop)
        process.create_task(life())
        await asyncio.sleep(0.5)
        process.kill()
        process.call_soon(said.append, "from outside")
        await asyncio.sleep(60)
        assert said == ["began"]

    run(loop, scene)


def test_a_frozen_process_does_late_what_came_due(loop: SimulatedLoop) -> None:
    seen: list[float] = []

    async def life() -> None:
        for _ in range(3):
            await asyncio.sleep(1)
            seen.append(loop.time())

    async def scene() -> None:
        process = Process("one", loop)
        process.create_task(life())
        await asyncio.sleep(1.5)
        process.freeze()
        await asyncio.sleep(10)
        assert seen == [1.0]
        process.thaw()
        await asyncio.sleep(10)

    run(loop, scene)
    assert seen == [1.0, 11.5, 12.5]


def test_an_answer_from_another_process_comes_back_into_ones_own(loop: SimulatedLoop) -> None:
    one, other = Process("one", loop), Process("other", loop)
    names: list[str] = []

    async def serve() -> int:
        names.append(_process_of_now().name)
        await asyncio.sleep(1)
        return 7

    async def life() -> int:
        answer = await ask(other, serve)
        names.append(_process_of_now().name)
        return answer

    async def scene() -> int:
        return await one.create_task(life())

    assert run(loop, scene) == 7
    assert names == ["other", "one"]


def test_who_asks_one_that_dies_is_told(loop: SimulatedLoop) -> None:
    async def serve() -> None:
        await asyncio.sleep(100)

    async def scene() -> float:
        other = Process("other", loop)
        loop.call_later(3, other.kill)
        with pytest.raises(Died):
            await ask(other, serve)
        return loop.time()

    assert run(loop, scene) == 3


def test_sets_of_tasks_and_futures_have_one_order_in_every_run() -> None:
    def order() -> tuple[int, ...]:
        loop = SimulatedLoop()

        async def scene() -> tuple[int, ...]:
            tasks = {loop.create_task(_number(number)) for number in range(50)}
            futures = {loop.create_future(): number for number in range(50)}
            first = [await task for task in tasks]
            return (*first, *[futures[future] for future in set(futures)])

        found = run(loop, scene)
        loop.bury()
        return found

    assert len({order() for _ in range(5)}) == 1


def test_mishaps_are_kept(loop: SimulatedLoop) -> None:
    async def scene() -> None:
        loop.call_soon(_raise)
        await asyncio.sleep(1)

    run(loop, scene)
    [mishap] = loop.mishaps
    assert "ValueError('of mine')" in mishap


async def _number(number: int) -> int:
    return number


def _raise() -> None:
    raise ValueError("of mine")


def _process_of_now() -> Process:
    task = asyncio.current_task()
    process: Any = getattr(task, "process", None)
    assert isinstance(process, Process)
    return process


def test_what_ends_with_its_loop_asks_for_no_other_one() -> None:
    """What a `finally` begins then is of the buried loop, and ends with it."""
    loop = SimulatedLoop()
    begun: list[asyncio.Future[None]] = []

    async def ends() -> None:
        try:
            await asyncio.sleep(1000)
        finally:
            begun.append(asyncio.ensure_future(asyncio.sleep(0)))

    async def whole() -> None:
        loop.create_task(ends())
        await asyncio.sleep(0)

    loop.run_until_complete(loop.create_task(whole()))
    loop.bury()
    assert [future.get_loop() for future in begun] == [loop]
