"""Of controllers that are gone, every open task is adopted by exactly one that lives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from photon.coordination.in_store import StoreCoordination
from photon.coordination.protocol import CONTROLLER
from photon.coordination.terms import LeaseTerms
from photon.domain.member import Member
from photon.domain.task import StepRecord, Task, TaskState
from photon.reconcilers.adoption import PASSES_AFTER_SECONDS, Adoption
from photon.store.nouns import MEMBERS, TASKS
from photon.store.protocol import Insert
from photon.tasks.runner import TaskRunner
from tests.coordination.turning import TurnedClock, TurnedTime
from tests.tasks.rig import ZONE, Engine, Order, saga_of, step

TERMS = LeaseTerms()
TASKS_OPEN = 16


class Controller:
    """A member that runs tasks. `clock.frozen` stops its heart."""

    def __init__(self, engine: Engine, clock: TurnedClock, name: str) -> None:
        self.clock = clock
        self.runner: TaskRunner = engine.runner_of(name)
        self.coordination = StoreCoordination(
            engine.store, clock, TERMS, self.runner.abandon, sole=False
        )
        self.member = Member(name, name, CONTROLLER, "")
        self.adoption = Adoption(engine.store, clock, self.coordination, self.runner)

    async def start(self) -> None:
        await self.coordination.join(self.member)
        self.adoption.start()

    async def close(self) -> None:
        await self.adoption.close()
        await self.coordination.leave()
        await self.runner.close(wait_seconds=0)


class Several:
    def __init__(self) -> None:
        self.time = TurnedTime()
        self.engine = Engine(saga_of(step("A")))
        self.engine.hands.gates["A"] = asyncio.Event()  # tasks stay open
        self._all: list[Controller] = []

    async def controller(self, name: str) -> Controller:
        controller = Controller(self.engine, self.time.clock(), name)
        self._all.append(controller)
        await controller.start()
        await self.time.settle()
        return controller

    async def submit(self, runner: TaskRunner, count: int) -> list[str]:
        ids = [f"{runner.owner}-{number:03d}" for number in range(count)]
        for id in ids:
            task = Task(
                id=id,
                operation="WORK",
                entity_kind="availability-zone",
                entity_id=ZONE,
                queued_ms=0,
                steps=(StepRecord("A"),),
                owner=runner.owner,
                saga="WORK",
                order=msgspec.Raw(msgspec.json.encode(Order())),
            )
            fence = await self.engine.store.commit([Insert(TASKS, task)])
            runner.start(msgspec.structs.replace(task, generation=1), fence)
        await self.time.settle()
        return ids

    async def owned(self, name: str) -> int:
        return await self.engine.store.count(TASKS, {"owner": name})

    async def close(self) -> None:
        self.engine.hands.gates["A"].set()
        for controller in self._all:
            await controller.close()
        await self.engine.close()


@pytest.fixture
async def several() -> AsyncIterator[Several]:
    several = Several()
    await several.engine.open()
    yield several
    await several.close()


async def test_the_heirs_share_the_tasks_of_a_dead_controller_and_each_has_one_heir(
    several: Several,
) -> None:
    dead, *heirs = [await several.controller(name) for name in ("dead", "b", "c")]
    ids = await several.submit(dead.runner, TASKS_OPEN)
    dead.clock.frozen = True
    await several.time.turn(TERMS.lease_seconds + TERMS.renew_seconds)
    owned = [await several.owned(heir.member.id) for heir in heirs]
    assert sum(owned) == TASKS_OPEN
    assert min(owned) > TASKS_OPEN // 5, "each has its share"
    assert [heir.runner.live for heir in heirs] == owned, "each once"
    several.engine.hands.gates["A"].set()
    await several.time.settle()
    tasks = await several.engine.store.find_many(TASKS, ids)
    assert {task.state for task in tasks} == {TaskState.COMPLETED}


async def test_what_an_heir_leaves_undone_is_taken_by_another(several: Several) -> None:
    dead, heir, other = [await several.controller(name) for name in ("dead", "b", "c")]
    await several.submit(dead.runner, TASKS_OPEN)
    await several.time.turn(TERMS.renew_seconds)
    other.adoption._unsubscribe()  # it lives, and for some reason does nothing
    dead.clock.frozen = True
    while await several.owned("b") == 0:
        await several.time.turn(0.5)
    assert await several.owned("b") < TASKS_OPEN
    await several.time.turn(sum(PASSES_AFTER_SECONDS))
    assert await several.owned("b") == TASKS_OPEN
    assert heir.runner.live == TASKS_OPEN


async def test_a_controller_that_awakes_writes_nothing_more_to_its_tasks(several: Several) -> None:
    frozen, heir = [await several.controller(name) for name in ("frozen", "b")]
    (task_id,) = await several.submit(frozen.runner, 1)
    frozen.clock.frozen = True
    await several.time.turn(TERMS.lease_seconds + TERMS.renew_seconds)
    adopted = await several.engine.task(task_id)
    assert adopted.owner == "b"
    frozen.clock.frozen = False
    frozen.runner._closing = False  # it has not heard yet: its task goes on as if nothing was
    several.engine.hands.gates["A"].set()
    await several.time.settle()
    ended = await several.engine.task(task_id)
    assert ended.state is TaskState.COMPLETED
    assert (await several.engine.zone()).count("finish") == 1
    assert heir.runner.live == 0


async def test_a_task_that_was_made_by_one_who_did_not_know_that_it_is_dead_is_adopted(
    several: Several,
) -> None:
    frozen, heir = [await several.controller(name) for name in ("frozen", "b")]
    await several.time.turn(TERMS.renew_seconds)
    frozen.clock.frozen = True
    await several.time.turn(TERMS.lease_seconds + TERMS.renew_seconds + sum(PASSES_AFTER_SECONDS))
    await several.submit(frozen.runner, 3)
    assert await heir.adoption.look() == 3
    assert await several.owned("b") == 3


async def test_who_leaves_with_open_tasks_is_inherited_at_once(several: Several) -> None:
    leaving, heir = [await several.controller(name) for name in ("leaving", "b")]
    await several.submit(leaving.runner, 5)
    await leaving.runner.close(wait_seconds=0)
    await leaving.coordination.leave()
    await several.time.turn(0)
    assert await several.owned("b") == 5
    assert heir.runner.live == 5


async def test_tasks_of_controllers_that_are_gone_since_long_are_found_at_the_start(
    several: Several,
) -> None:
    gone = several.engine.runner_of("gone")
    await several.submit(gone, 7)
    await gone.close(wait_seconds=0)
    heir = await several.controller("b")
    assert await heir.adoption.look() == 7


async def test_tasks_of_those_who_live_are_left_alone(several: Several) -> None:
    first, second = [await several.controller(name) for name in ("a", "b")]
    await several.submit(first.runner, 2)
    assert second.coordination.members()
    assert await second.adoption.look() == 0
    # Even when this controller has not seen yet that the other came.
    unseen = Member("new", "new", CONTROLLER, "")
    await several.engine.store.commit([Insert(MEMBERS, unseen)])
    await several.submit(several.engine.runner_of("new"), 1)
    assert await second.adoption.look() == 0
