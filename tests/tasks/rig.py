"""The engine alone: sagas of the test's own over a real store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from photon.domain.task import ErrorRecord, StepRecord, Task, TaskState
from photon.domain.zone import Zone
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import NOUNS, TASKS, ZONES
from photon.store.protocol import CloudStore, Insert, RequireNone, Update, Write
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.tasks.execute import BoundSaga
from photon.tasks.runner import TaskLimits, TaskRunner
from photon.tasks.saga import Plan, Run, Saga, Step
from tests.tasks.fate import Fate, mortal_store
from tests.tasks.world import START_SECONDS, CountedIds, WorldClock

ZONE: Final = "zone-1"  # What the sagas here work on: the smallest of all entities.
OWNER: Final = "controller-1"
TURNS_MAX: Final = 50_000


class Order(msgspec.Struct, frozen=True):
    zone_id: str = ZONE


@dataclass
class Hands:
    """What the steps of a test reach the world through, and what they did."""

    store: CloudStore
    done: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    failures: dict[str, list[Exception]] = field(default_factory=dict)
    impossible: int = 0  # so many of the next plans name a condition that never holds
    overtaken: int = 0  # so many of the next plans find the zone changed when they are written

    async def act(self, name: str) -> str:
        self.done.append(name)
        gate = self.gates.get(name)
        if gate is not None:
            await gate.wait()
        failures = self.failures.get(name)
        if failures:
            raise failures.pop(0)
        return name

    async def renamed(self, name: str) -> Plan:
        """The zone's end: it carries the names of those that ended upon it."""
        await self.act(name)
        zone = await self.store.find(ZONES, ZONE)
        assert zone is not None
        if self.overtaken > 0:
            self.overtaken -= 1
            await self.store.commit([Update(ZONES, zone)])
        changed = msgspec.structs.replace(zone, name=f"{zone.name} {name}")
        writes: list[Write] = [Update(ZONES, changed)]
        if self.impossible > 0:
            self.impossible -= 1
            writes.append(RequireNone(ZONES, {"id": ZONE}))
        return Plan(writes, answer=name)


def step(name: str, *, undone: bool = True, shown: str = "") -> Step[Hands, str, str]:
    async def do(hands: Hands, argument: str) -> str:
        return await hands.act(name)

    async def undo(hands: Hands, argument: str) -> None:
        await hands.act(f"undo {name}")

    return Step(name, do, undo if undone else None, shown)


def saga_of(*steps: Step[Hands, str, str], operation: str = "WORK") -> Saga[Hands, Order, str]:
    """One step after the other; `finish` and `fail` write the zone."""

    async def body(run: Run[Hands], order: Order) -> str:
        last = ""
        for each in steps:
            last = await run(each, last)
        return last

    async def finish(hands: Hands, order: Order, result: str) -> Plan:
        return await hands.renamed("finish")

    async def fail(hands: Hands, order: Order, error: ErrorRecord) -> Plan:
        return await hands.renamed("fail")

    shown = tuple(dict.fromkeys(each.operation for each in steps))
    return Saga(operation, Order, shown, body, finish, fail, steps)


class Engine:
    """A store and a runner of one saga. `again` is the controller's next life."""

    def __init__(
        self,
        saga: Saga[Hands, Order, str],
        *,
        limits: TaskLimits | None = None,
        path: str = MEMORY,
    ) -> None:
        self.clock = WorldClock(START_SECONDS)
        self.ids = CountedIds(0)
        options = SqliteOptions(durably=Inline())
        self.store = SqliteStore(path, NOUNS, self.clock, options)
        self.hands = Hands(self.store)
        self.saga = saga
        self._limits = limits or TaskLimits()
        self.fate = Fate()
        self.runner = self.runner_of(OWNER)

    def runner_of(self, owner: str) -> TaskRunner:
        sagas = {self.saga.operation: BoundSaga(self.saga, self.hands)}
        store = mortal_store(self.store, self.fate)
        return TaskRunner(store, self.clock, sagas, owner, self._limits)

    async def again(self, owner: str = "controller-2") -> TaskRunner:
        """Another controller takes the tasks over; the first may still be at work."""
        self.fate = Fate()
        runner = self.runner_of(owner)
        await runner.adopt(self.runner.owner)
        return runner

    async def open(self) -> None:
        await self.store.commit([Insert(ZONES, Zone(ZONE, "zone"))])

    async def submit(self) -> str:
        """A task as a request makes it; it runs from now on."""
        task = Task(
            id=self.ids.new(),
            operation=self.saga.operation,
            entity_kind="availability-zone",
            entity_id=ZONE,
            queued_ms=self.clock.now_ms(),
            steps=tuple(StepRecord(name) for name in self.saga.shown),
            owner=self.runner.owner,
            saga=self.saga.operation,
            order=msgspec.Raw(msgspec.json.encode(Order())),
        )
        fence = await self.store.commit([Insert(TASKS, task)])
        self.runner.start(msgspec.structs.replace(task, generation=1), fence)
        return task.id

    async def task(self, task_id: str) -> Task:
        task = await self.store.find(TASKS, task_id)
        assert task is not None
        return task

    async def zone(self) -> str:
        zone = await self.store.find(ZONES, ZONE)
        assert zone is not None
        return zone.name

    async def ended(self, runner: TaskRunner | None = None) -> None:
        await until(lambda: not (runner or self.runner).live)

    async def run(self) -> Task:
        task_id = await self.submit()
        await self.ended()
        return await self.task(task_id)

    async def close(self, *others: TaskRunner) -> None:
        for runner in (self.runner, *others):
            await runner.close(wait_seconds=0)
        await self.store.close()


async def until(happened: Callable[[], bool]) -> None:
    """Lets everybody run until it has happened; nothing here waits for real time."""
    for _ in range(TURNS_MAX):
        if happened():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never happened")


def states(task: Task) -> list[tuple[str, TaskState]]:
    return [(each.operation, each.state) for each in task.steps]
