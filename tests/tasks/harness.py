"""The proofs that every saga must pass. One call each; no saga is exempt.

    check_crash_anywhere   the controller dies just before or after any commit or call of an agent
    check_fail_anywhere    a step fails once, before or after its effect, and the controller may
                           die anywhere on the way back
    check_repeated         each `do` and each `undo` runs twice, as it may after a crash

Each try has a world of its own: a real store, simulated hosts, a scheduler, the API. At the end of
each, every task has ended, the audit finds nothing, and the world is as after an undisturbed run.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from photon.agent_client.errors import AgentUnreachable
from photon.domain.audit import Rule
from photon.domain.task import TaskState
from photon.sagas.catalogue import SAGAS
from photon.scheduler.leaf import Leaf
from photon.tasks.saga import Saga, Step
from tests.tasks.building import Builder, Client
from tests.tasks.fate import Crash, Fate, When
from tests.tasks.life import Door, Life
from tests.tasks.world import EMPTY, Json, Template, World

WHENS: Final[tuple[When, When]] = ("before", "after")

Request = tuple[str, str, Any]  # method, path, body


Check = Callable[[World], Awaitable[None]]


async def _nothing(world: World) -> None:
    """No more is checked."""


@dataclass(frozen=True)
class SagaCase:
    """One operation in one world. `ask` says with which request it begins.

    `completes` is false for what always ends in ERROR. `one_way`: a failure that comes when the
    effect is there already puts nothing back; the world is then as `check_done_anyway` says, when
    the duties have mended the rules in `mended`.
    """

    operation: str
    builders: tuple[Builder, ...]
    ask: Callable[[World], Request]
    name: str = ""
    hosts: int = 2
    completes: bool = True
    check: Check = _nothing
    check_failed: Check = _nothing
    one_way: bool = False
    mended: frozenset[Rule] = frozenset()
    check_done_anyway: Check = _nothing
    prepare: Callable[[World], None] = lambda world: None  # what no template can keep

    @property
    def saga(self) -> Saga[Any, Any, Any]:
        return next(saga for saga in SAGAS if saga.operation == self.operation)

    def __str__(self) -> str:
        return f"{self.operation} {self.name}".strip()


@dataclass
class Proof:
    """A case and the worlds that are made for it, under `folder`."""

    case: SagaCase
    folder: Path
    tries: int = 0
    template: Template = EMPTY
    door: Door = field(default_factory=Door)
    ids_given: int = 0  # before the request: who asks again is given the same

    async def build(self) -> None:
        """The world in which each try begins."""
        world = await self._world()
        life = await world.live()
        client = Client(life, self.door)
        for builder in self.case.builders:
            await builder(world, client)
        await client.close()
        await life.end()
        assert await world.audit() == []
        self.template = await world.written_down()

    async def _world(self) -> World:
        self.tries += 1
        world = World(self.folder / f"{self.tries}", self.template)
        await world.open(hosts=self.case.hosts)
        if self.template is not EMPTY:
            self.case.prepare(world)
        return world

    async def begun(self, fate: Fate) -> tuple[World, Life]:
        """The request was made, and its task has ended, or the controller died."""
        world = await self._world()
        life = await world.live(fate)
        self.ids_given = world.ids.given
        await self._ask(world, life)
        return world, life

    async def _ask(self, world: World, life: Life) -> None:
        client = Client(life, self.door)
        try:
            await client.submit(*self.case.ask(world))
        except Crash:
            assert life.fate.dead
        await life.finished()
        await client.close()

    async def carried_on(self, world: World, life: Life) -> Life:
        """What the next controller makes of it, if the first died. Who got no answer asks again."""
        if not life.fate.dead:
            return life
        dead = life.owner
        await life.end()
        life = await world.live()
        await world.take_over(life, dead)
        if not await self._asked(world):
            world.ids.given = self.ids_given
            await self._ask(world, life)
        await life.finished()
        return life

    async def _asked(self, world: World) -> bool:
        return len(await world.tasks()) > self.template.tasks

    async def ended(
        self,
        world: World,
        life: Life,
        mended: frozenset[Rule] = frozenset(),
        check: Check = _nothing,
    ) -> Json:
        """The world at its end, checked, and closed. `mended` rules may need the duties first."""
        assert life.leaf.audit() == []
        await life.end()
        await world.finish()
        open_tasks = [task for task in await world.tasks() if not task.ended]
        assert open_tasks == []
        for task in await world.tasks():
            assert all(step.state is not TaskState.STARTED for step in task.steps), task
        wrong = [each for each in await world.audit() if each.rule not in mended]
        assert wrong == []
        await world.settle()
        assert await world.audit() == []
        await _check_holds(world, life.leaf)
        await check(world)
        seen = await world.snapshot()
        await world.close()
        return seen

    async def undisturbed(self) -> tuple[Json, int]:
        """The world as it should be, and how many events led there."""
        fate = Fate()
        world, life = await self.begun(fate)
        events = len(fate.events)
        await self.case.check(world)
        seen = await self.ended(world, life)
        _assert_ended(seen, completed=self.case.completes)
        return seen, events


async def check_crash_anywhere(case: SagaCase, folder: Path) -> None:
    """Dying anywhere and carrying on ends where an undisturbed run ends."""
    proof = Proof(case, folder)
    await proof.build()
    expected, events = await proof.undisturbed()
    for crash_at in range(events):
        for when in WHENS:
            fate = Fate(crash_at, when)
            world, life = await proof.begun(fate)
            life = await proof.carried_on(world, life)
            seen = await proof.ended(world, life)
            _assert_same(seen, expected, f"died {when} event {crash_at} of {fate.events}")


async def check_fail_anywhere(case: SagaCase, folder: Path) -> None:
    """Failing once at any step ends in the failed world, wherever the controller dies meanwhile.

    Dying before the failure is recorded is the one way out: the step then runs again, and the saga
    succeeds.
    """
    proof = Proof(case, folder)
    await proof.build()
    succeeded, _ = await proof.undisturbed()
    failed: Json | None = None
    for step in case.saga.steps:
        for when in WHENS:
            reference = await _failed_once(proof, step, when)
            if reference is None:
                continue  # This case does not come to that step.
            seen, events = reference
            if failed is None or not (case.one_way and when == "after"):
                failed = failed or seen
                told = f"{step.name} failed {when} its effect"
                _assert_same(_without_steps(seen), _without_steps(failed), told)
            await _fail_and_crash(proof, _Failure(step, when, seen, succeeded), events)


@dataclass(frozen=True)
class _Failure:
    step: Step[Any, Any, Any]
    when: When
    failed: Json
    succeeded: Json


async def _failed_once(
    proof: Proof, step: Step[Any, Any, Any], when: When
) -> tuple[Json, int] | None:
    """The failed world and how many events led there; None if the step was never begun."""
    case, fate = proof.case, Fate()
    with _failing_once(step, when) as injected:
        world, life = await proof.begun(fate)
    events = len(fate.events)
    one_way = when == "after" and case.one_way
    if injected.happened and not one_way:
        await case.check_failed(world)
    check = case.check_done_anyway if injected.happened and one_way else _nothing
    seen = await proof.ended(world, life, case.mended if one_way else frozenset(), check)
    if not injected.happened:
        return None
    _assert_ended(seen, completed=False)
    return seen, events


async def _fail_and_crash(proof: Proof, failure: _Failure, events: int) -> None:
    mended = proof.case.mended if failure.when == "after" else frozenset()
    for crash_at in range(events):
        for crash in WHENS:
            fate = Fate(crash_at, crash)
            with _failing_once(failure.step, failure.when) as injected:
                world, life = await proof.begun(fate)
                recorded = any(task.error is not None for task in await world.tasks())
                early = injected.happened
                life = await proof.carried_on(world, life)
            seen = await proof.ended(world, life, mended)
            # A failure that nobody wrote down never was, unless the next controller met it.
            expected = failure.failed if recorded or not early else failure.succeeded
            where = f"{failure.step.name} failed {failure.when} its effect, died {crash}"
            _assert_same(seen, expected, f"{where} event {crash_at} of {fate.events}")


async def check_repeated(case: SagaCase, folder: Path) -> None:
    """Each `do` and each `undo`, run twice, is once."""
    proof = Proof(case, folder)
    await proof.build()
    expected, _ = await proof.undisturbed()
    with ExitStack() as patches:
        for step in case.saga.steps:
            patches.enter_context(_twice(step))
        world, life = await proof.begun(Fate())
        _assert_same(await proof.ended(world, life), expected, "every do ran twice")
        failed: Json | None = None
        for step in case.saga.steps:
            with _failing_once(step, "before") as failure:
                world, life = await proof.begun(Fate())
            seen = await proof.ended(world, life)
            if failure.happened:
                failed = failed or seen
                told = f"{step.name} failed, and every undo ran twice"
                _assert_same(_without_steps(seen), _without_steps(failed), told)


def _assert_same(seen: Json, expected: Json, told: str) -> None:
    wrong = [
        (key, is_, should)
        for key in seen
        for is_, should in zip_longest(seen[key], expected[key])
        if is_ != should
    ]
    assert not wrong, f"{told}: {wrong}"


def _without_steps(seen: Json) -> Json:
    """Which step failed is shown, and is the only thing that may differ."""
    tasks = [{**task, "steps": None} for task in seen["tasks"]]
    return {**seen, "tasks": tasks}


def _assert_ended(seen: Json, *, completed: bool) -> None:
    task = seen["tasks"][-1]
    assert task["state"] == ("COMPLETED" if completed else "ERROR"), task


async def _check_holds(world: World, leaf: Leaf) -> None:
    """The scheduler believes what is, and nothing more, when all leases are over."""
    for inventory in await world.inventories():
        leaf.report(inventory)
        there = {guest.vm_id for guest in inventory.guests}
        there |= {disk.disk_id for disk in inventory.disks}
        assert set(leaf.held(inventory.host_id)) == there
    assert leaf.audit() == []


# --- what is done to steps -----------------------------------------------------------------------


@dataclass
class _Injected:
    happened: bool = False


@contextmanager
def _failing_once(step: Step[Any, Any, Any], when: When) -> Iterator[_Injected]:
    """Makes `step.do` lose its host the first time that it is called."""
    injected = _Injected()
    original = step.do

    @wraps(original)
    async def do(deps: Any, argument: Any) -> Any:
        first, injected.happened = not injected.happened, True
        if first and when == "before":
            raise AgentUnreachable("agent.test", step.name, "injected")
        result = await original(deps, argument)
        if first:
            raise AgentUnreachable("agent.test", step.name, "injected")
        return result

    with _replaced(step, do=do):
        yield injected


@contextmanager
def _twice(step: Step[Any, Any, Any]) -> Iterator[None]:
    original_do, original_undo = step.do, step.undo

    @wraps(original_do)
    async def do(deps: Any, argument: Any) -> Any:
        await original_do(deps, argument)
        return await original_do(deps, argument)

    async def undo(deps: Any, argument: Any) -> None:
        assert original_undo is not None
        await original_undo(deps, argument)
        await original_undo(deps, argument)

    with _replaced(step, do=do, undo=None if original_undo is None else undo):
        yield


@contextmanager
def _replaced(step: Step[Any, Any, Any], **attributes: Any) -> Iterator[None]:
    """The saga's body names its steps, so what they do is replaced in the step itself."""
    before = {name: getattr(step, name) for name in attributes}
    for name, value in attributes.items():
        object.__setattr__(step, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            object.__setattr__(step, name, value)
