"""What a task shows, what it writes, and how it ends, whatever its saga does."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import msgspec
import pytest

from photon.domain.error_catalogue import HostNotFound
from photon.domain.task import TaskState
from photon.store.errors import InUse, StoreBusy, StoreUnavailable
from photon.store.nouns import TASKS
from photon.store.protocol import Revision, Update
from photon.tasks.execute import UNDO_WAIT_SECONDS, UNDO_WAIT_SECONDS_MAX
from photon.tasks.journal import PLAN_TRIES_MAX, SHOW_STARTED_SECONDS, WARNINGS_A_STEP_MAX
from tests.tasks.conftest import MakeEngine
from tests.tasks.rig import saga_of, states, step, until

COMPLETED, ERROR, STARTED, QUEUED = (
    TaskState.COMPLETED,
    TaskState.ERROR,
    TaskState.STARTED,
    TaskState.QUEUED,
)


async def test_steps_run_in_order_and_the_end_is_written_with_the_entity(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A"), step("B")))
    task = await engine.run()
    assert engine.hands.done == ["A", "B", "finish"]
    assert states(task) == [("A", COMPLETED), ("B", COMPLETED)]
    assert (task.state, task.owner, task.resource_properties) == (COMPLETED, None, "finish")
    assert await engine.zone() == "zone finish"
    [zone_change, task_change] = (await engine.store.changes(Revision(0), limit=100))[-2:]
    assert zone_change.revision == task_change.revision


async def test_a_quick_task_of_one_step_is_written_once_more(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")))
    await engine.run()
    assert engine.fate.count("commit") == 1


async def test_the_result_of_a_step_is_durable_before_the_next_one_acts(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A"), step("B")))
    engine.hands.gates["B"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: "B" in engine.hands.done)
    task = await engine.task(task_id)
    assert set(task.results) == {"A"}
    assert states(task) == [("A", COMPLETED), ("B", STARTED)]
    engine.hands.gates["B"].set()
    await engine.ended()


async def test_a_step_that_takes_long_is_shown_as_started(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")))
    gate = engine.hands.gates["A"] = asyncio.Event()
    shown = asyncio.Event()
    task_id = await engine.submit()
    engine.store.subscribe(lambda changes: shown.set())
    await shown.wait()
    task = await engine.task(task_id)
    assert (task.state, states(task)) == (STARTED, [("A", STARTED)])
    gate.set()
    await engine.ended()
    assert (await engine.task(task_id)).state is COMPLETED


async def test_a_failed_step_is_undone_with_those_before_it_last_first(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A"), step("B"), step("C")))
    engine.hands.failures["B"] = [HostNotFound("h")]
    task = await engine.run()
    assert engine.hands.done == ["A", "B", "undo B", "undo A", "fail"]
    assert states(task) == [("A", COMPLETED), ("B", ERROR), ("C", QUEUED)]
    assert (task.state, task.owner) == (ERROR, None)
    assert [error.code for error in task.steps[1].errors] == ["HostNotFound"]
    assert await engine.zone() == "zone fail"


async def test_a_bug_in_a_step_is_an_internal_error_of_the_task(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")))
    engine.hands.failures["A"] = [KeyError("who?")]
    task = await engine.run()
    assert task.error is not None
    assert task.error.code == "InternalError"


async def test_an_undo_is_tried_until_it_works_ever_more_seldom_and_visibly(
    engine_of: MakeEngine,
) -> None:
    engine = await engine_of(saga_of(step("A")))
    engine.hands.failures["A"] = [HostNotFound("h")]
    tries = 40
    engine.hands.failures["undo A"] = [OSError(f"no. {number}") for number in range(tries)]
    began = engine.clock.monotonic()
    task = await engine.run()
    assert engine.hands.done.count("undo A") == tries + 1
    assert task.state is ERROR
    assert len(task.steps[0].warnings) == WARNINGS_A_STEP_MAX
    assert "no. 0" in task.steps[0].warnings[0].message
    waited = engine.clock.monotonic() - began
    assert UNDO_WAIT_SECONDS * tries < waited <= UNDO_WAIT_SECONDS_MAX * tries


async def test_a_warning_of_an_undo_is_durable_while_it_is_tried(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")))
    engine.hands.failures["A"] = [HostNotFound("h")]
    engine.hands.failures["undo A"] = [OSError("host on fire")]
    gate = engine.hands.gates["undo A"] = asyncio.Event()
    gate.set()
    task_id = await engine.submit()
    await until(lambda: "undo A" in engine.hands.done)
    gate.clear()
    await until(lambda: engine.hands.done.count("undo A") == 2)
    task = await engine.task(task_id)
    assert "host on fire" in task.steps[0].warnings[0].message
    assert task.state is STARTED
    gate.set()
    await engine.ended()


async def test_the_end_is_planned_again_when_the_entity_changed(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")))
    engine.hands.overtaken = 2
    task = await engine.run()
    assert task.state is COMPLETED
    assert engine.hands.done.count("finish") == 3


async def test_a_plan_that_never_fits_fails_the_task(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A")))
    engine.hands.overtaken = PLAN_TRIES_MAX
    task = await engine.run()
    assert engine.hands.done.count("finish") == PLAN_TRIES_MAX
    assert engine.hands.done[-2:] == ["undo A", "fail"]
    assert task.error is not None
    assert "PlanContended" in task.error.message


async def test_a_plan_that_cannot_be_is_not_half_an_end(engine_of: MakeEngine) -> None:
    """The record of the failure must not say that the task has ended: its lock would stay."""
    engine = await engine_of(saga_of(step("A")))
    engine.hands.impossible = 1
    gate = engine.hands.gates["undo A"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: "undo A" in engine.hands.done)
    task = await engine.task(task_id)
    assert (task.state, task.owner) == (STARTED, engine.runner.owner)
    gate.set()
    await engine.ended()
    assert (await engine.task(task_id)).state is ERROR
    assert await engine.zone() == "zone fail"


async def test_what_failed_at_its_end_does_not_complete_after_a_crash(
    engine_of: MakeEngine,
) -> None:
    """All steps are recorded then, and some of them are undone."""
    engine = await engine_of(saga_of(step("A"), step("B")))
    engine.hands.failures["finish"] = [InUse("zones", 1)]
    gate = engine.hands.gates["undo A"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: "undo A" in engine.hands.done)
    await engine.runner.close(wait_seconds=0)
    gate.set()
    runner = await engine.again()
    await engine.ended(runner)
    assert (await engine.task(task_id)).state is ERROR
    assert await engine.zone() == "zone fail"


async def test_a_task_that_somebody_else_took_stops_silently(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A"), step("B")))
    gate = engine.hands.gates["A"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: engine.hands.done == ["A"])
    task = await engine.task(task_id)
    taken = msgspec.structs.replace(task, owner="controller-9")
    await engine.store.commit([Update(TASKS, taken)])
    gate.set()
    await engine.ended()
    assert engine.hands.done == ["A"], "nothing is done, and nothing undone, without the task"
    task = await engine.task(task_id)
    assert (task.owner, task.state) == ("controller-9", QUEUED)


async def test_a_task_that_is_still_ours_goes_on_after_another_wrote_it(
    engine_of: MakeEngine,
) -> None:
    """As when a commit was made durable after all, and the store said that it was not."""
    engine = await engine_of(saga_of(step("A"), step("B")))
    gate = engine.hands.gates["A"] = asyncio.Event()
    task_id = await engine.submit()
    await until(lambda: engine.hands.done == ["A"])
    await engine.store.commit([Update(TASKS, await engine.task(task_id))])
    gate.set()
    await engine.ended()
    assert (await engine.task(task_id)).state is COMPLETED


async def test_a_store_that_is_away_for_a_while_loses_no_task(engine_of: MakeEngine) -> None:
    engine = await engine_of(saga_of(step("A"), step("B")))
    engine.fate.problems += [StoreUnavailable("away"), StoreBusy("full"), StoreUnavailable("away")]
    task = await engine.run()
    assert (task.state, engine.fate.problems) == (COMPLETED, [])


async def test_a_step_that_finds_the_store_away_is_done_again_and_nothing_is_undone(
    engine_of: MakeEngine,
) -> None:
    """A failover takes half a minute, and reads are given up before."""
    engine = await engine_of(saga_of(step("A"), step("B")))
    engine.hands.failures["B"] = [StoreUnavailable("away"), StoreUnavailable("away")]
    task_id = await engine.submit()
    await engine.ended()
    task = await engine.task(task_id)
    assert task.state is COMPLETED
    assert engine.hands.done == ["A", "B", "B", "B", "finish"]


async def test_the_end_of_the_plan_is_the_end_of_all_steps(engine_of: MakeEngine) -> None:
    """Steps of the API that no step of the saga stands for are over with the task."""
    saga = saga_of(step("A"), step("B", shown="A"))
    engine = await engine_of(replace(saga, shown=("A", "QUERY")))
    task = await engine.run()
    assert states(task) == [("A", COMPLETED), ("QUERY", COMPLETED)]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_nothing_writes_when_a_task_was_cut_off(engine_of: MakeEngine, when: str) -> None:
    """A write that shows a slow step must not outlive the runner: the store closes after it."""
    engine = await engine_of(saga_of(step("A")))
    gate = engine.hands.gates["A"] = asyncio.Event()
    task_id = await engine.submit()
    shown = asyncio.Event()
    engine.store.subscribe(lambda changes: shown.set())
    await until(lambda: engine.hands.done == ["A"])
    if when == "after":
        await shown.wait()
    before = await engine.task(task_id)
    await engine.runner.close(wait_seconds=0)
    gate.set()
    assert len(asyncio.all_tasks()) == 1
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(SHOW_STARTED_SECONDS, later.set)
    await later.wait()  # the journal's own timer was set before this one
    await asyncio.sleep(0)
    assert await engine.task(task_id) == before
