"""How many tasks run at once, how many wait, and what becomes of them when a controller goes."""

from __future__ import annotations

import asyncio

import pytest

from photon.domain.error_catalogue import OutOfThreadPoolWorker
from photon.domain.task import TaskState
from photon.store.nouns import TASKS
from photon.tasks.runner import TaskLimits
from tests.tasks.conftest import MakeEngine
from tests.tasks.rig import saga_of, step, until


async def test_no_more_tasks_run_at_once_than_may(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")), TaskLimits(running=2, waiting=3))
    gate = engine.hands.gates["A"] = asyncio.Event()
    for _ in range(5):
        engine.runner.admit()
        await engine.submit()
    for _ in range(100):
        await asyncio.sleep(0)
    assert engine.hands.done == ["A", "A"]
    with pytest.raises(OutOfThreadPoolWorker):
        engine.runner.admit()
    gate.set()
    await engine.ended()
    assert await engine.store.count(TASKS, {"state": TaskState.COMPLETED}) == 5
    engine.runner.admit()


async def test_a_task_that_waits_its_turn_is_taken_over_too(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")), TaskLimits(running=1, waiting=9))
    gate = engine.hands.gates["A"] = asyncio.Event()
    task_ids = [await engine.submit() for _ in range(4)]
    await until(lambda: engine.hands.done == ["A"])
    await engine.runner.close(wait_seconds=0)
    gate.set()
    runner = await engine.again()
    await engine.ended(runner)
    assert {(await engine.task(id)).state for id in task_ids} == {TaskState.COMPLETED}


async def test_many_tasks_of_a_dead_controller_are_all_taken_over(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")), TaskLimits(running=1, waiting=0))
    engine.hands.gates["A"] = asyncio.Event()
    tasks = 350  # more than a page
    for _ in range(tasks):
        await engine.submit()
    await engine.runner.close(wait_seconds=0)
    del engine.hands.gates["A"]
    runner = await engine.again()
    await engine.ended(runner)
    assert await engine.store.count(TASKS, {"state": TaskState.COMPLETED}) == tasks


async def test_a_closing_runner_takes_nothing_new_and_waits_for_what_runs(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A"), step("B")))
    gate = engine.hands.gates["A"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: engine.hands.done == ["A"])
    closing = asyncio.create_task(engine.runner.close(wait_seconds=60))
    await asyncio.sleep(0)
    with pytest.raises(OutOfThreadPoolWorker):
        engine.runner.admit()
    gate.set()
    await closing
    assert (await engine.task(task_id)).state is TaskState.COMPLETED


async def test_what_a_closing_runner_cannot_wait_for_goes_on_after_the_restart(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A"), step("B")))
    gate = engine.hands.gates["B"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: "B" in engine.hands.done)
    await engine.runner.close(wait_seconds=0)
    assert engine.runner.live == 0
    gate.set()
    runner = await engine.again()
    await engine.ended(runner)
    assert (await engine.task(task_id)).state is TaskState.COMPLETED
    assert engine.hands.done == ["A", "B", "B", "finish"], "what was done is not done again"


async def test_of_two_heirs_each_task_has_one(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")), TaskLimits(running=1, waiting=0))
    engine.hands.gates["A"] = asyncio.Event()
    for _ in range(20):
        await engine.submit()
    await engine.runner.close(wait_seconds=0)
    del engine.hands.gates["A"]
    one, other = await asyncio.gather(engine.again("controller-2"), engine.again("controller-3"))
    await engine.ended(one)
    await engine.ended(other)
    assert await engine.store.count(TASKS, {"state": TaskState.COMPLETED}) == 20
    assert engine.hands.done.count("A") == 1 + 20


async def test_a_task_of_an_unknown_operation_is_left_for_a_release_that_knows_it(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A")))
    engine.saga = saga_of(step("A"), operation="FROM_THE_FUTURE")
    task_id = await engine.submit()
    await engine.ended()
    task = await engine.task(task_id)
    assert (task.state, task.owner) == (TaskState.QUEUED, engine.runner.owner)
