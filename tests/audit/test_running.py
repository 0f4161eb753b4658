"""The audit of a system that works: what is in flight is no finding, what is broken is one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from photon.audit.quotas import TRIES_MAX, QuotaChecks
from photon.audit.whole import LISTED_MAX, PAUSES_SECONDS, Audit, asking, listed_members
from photon.domain.audit import Audited, Rule
from photon.domain.missing_host import MissingHost
from photon.domain.quota import Amount, QuotaUnit
from photon.store.nouns import DISKS, EPHEMERAL_DISKS, MISSING_HOSTS, PROJECTS, TASKS, VMS
from photon.store.protocol import Charge, Delete, Insert, QuotaRow, Update
from tests.tasks.building import Client, build_disk, build_site, build_vm
from tests.tasks.world import EMPTY, World, WorldClock

replace = msgspec.structs.replace
Meanwhile = Callable[[], Awaitable[None]]


class PausedClock(WorldClock):
    """`meanwhile` happens in the first pause between two looks."""

    def __init__(self, meanwhile: Meanwhile | None = None) -> None:
        super().__init__(0.0)
        self.meanwhile = meanwhile
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            await meanwhile()
        await super().sleep(seconds)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "world", EMPTY)
    await world.open(hosts=2)
    life = await world.live()
    client = Client(life)
    for builder in (build_site, build_vm, build_disk):
        await builder(world, client)
    await client.close()
    await life.end()
    yield world
    await world.close()


async def audited(
    world: World, clock: PausedClock, living: frozenset[str] | None = None
) -> Audited:
    async def these() -> frozenset[str]:
        assert living is not None
        return living

    who = listed_members(world.store) if living is None else these
    seen: list[tuple[int, int]] = []
    audit = Audit(world.store, asking(world.store, world.agents), who)
    found = await audit.run(clock, lambda done, of: seen.append((done, of)))
    assert seen == sorted(seen)
    assert seen[-1][0] == seen[-1][1], "all that was to be looked at was"
    return found


def rules(found: Audited) -> set[Rule]:
    return {violation.rule for violation in found.violations}


async def charge(world: World, count: int) -> None:
    amount = Amount("vm", count, QuotaUnit.COUNT)
    await world.store.commit([Charge(world.names["project"], (amount,))])


async def test_a_system_that_is_well_is_looked_at_once(world: World) -> None:
    clock = PausedClock()
    assert await audited(world, clock) == Audited((), 0, 2, 0, 0)
    assert clock.pauses == []


async def test_what_stays_broken_is_found_at_each_look(world: World) -> None:
    await charge(world, 1)
    await world.store.commit([Delete(DISKS, world.names["disk"])])
    clock = PausedClock()
    found = await audited(world, clock)
    assert rules(found) == {Rule.QUOTA_ADDS_UP, Rule.DISK_HAS_ROW}
    assert clock.pauses == [*PAUSES_SECONDS]


async def test_what_is_mended_before_the_next_look_is_not_told(world: World) -> None:
    disk = (await world.store.page(EPHEMERAL_DISKS, {}, limit=1)).items[0]
    await world.store.commit([Delete(EPHEMERAL_DISKS, disk.id)])
    await charge(world, 1)

    async def mended() -> None:
        await charge(world, -1)
        await world.store.commit([Insert(EPHEMERAL_DISKS, replace(disk, generation=0))])

    found = await audited(world, PausedClock(mended))
    assert found.violations == ()


async def test_what_breaks_after_the_first_look_waits_for_the_next_audit(world: World) -> None:
    await charge(world, 1)

    async def worse() -> None:
        await world.store.commit([Delete(DISKS, world.names["disk"])])

    assert rules(await audited(world, PausedClock(worse))) == {Rule.QUOTA_ADDS_UP}


async def test_a_vm_that_a_task_works_on_is_not_judged(world: World) -> None:
    vm = await world.store.find(VMS, world.names["vm"])
    task = (await world.tasks())[-1]
    assert vm is not None
    now = replace(task, state="STARTED", owner="alive")
    await world.store.commit(
        [Update(VMS, replace(vm, task_id=task.id, host_id=None)), Update(TASKS, now)]
    )
    found = await audited(world, PausedClock(), frozenset({"alive"}))
    assert found.violations == ()


async def test_owners_are_those_whom_coordination_knows(world: World) -> None:
    """With an ensemble, no member has a row in the store."""
    task = (await world.tasks())[-1]
    await world.store.commit([Update(TASKS, replace(task, state="STARTED", owner="c-1"))])
    assert rules(await audited(world, PausedClock(), frozenset({"c-1"}))) == set()
    assert rules(await audited(world, PausedClock(), frozenset({"c-2"}))) == {Rule.TASK_HAS_OWNER}
    assert rules(await audited(world, PausedClock())) == {Rule.TASK_HAS_OWNER}


async def test_a_task_that_is_adopted_meanwhile_has_an_owner(world: World) -> None:
    task = (await world.tasks())[-1]
    await world.store.commit([Update(TASKS, replace(task, state="STARTED", owner="dead"))])

    async def adopted() -> None:
        stored = await world.store.find(TASKS, task.id)
        assert stored is not None
        await world.store.commit([Update(TASKS, replace(stored, owner="c-1"))])

    assert rules(await audited(world, PausedClock(adopted), frozenset({"c-1"}))) == set()


async def test_hosts_that_are_silent_are_counted_and_not_judged(world: World) -> None:
    vm = await world.store.find(VMS, world.names["vm"])
    assert vm is not None
    assert vm.host_id is not None
    await world.store.commit([Insert(MISSING_HOSTS, MissingHost(vm.host_id, 0, "no answer"))])
    await world.store.commit([Update(VMS, replace(vm, state="STARTED"))])
    found = await audited(world, PausedClock())
    assert (found.violations, found.hosts, found.silent) == ((), 2, 1)
    del world.agents_by_endpoint[next(iter(world.agents_by_endpoint))]
    assert (await audited(world, PausedClock())).silent == 2


async def test_no_more_is_listed_than_a_person_reads(world: World) -> None:
    card_of = (await world.store.page(EPHEMERAL_DISKS, {}, limit=1)).items[0]
    strays = [
        Insert(EPHEMERAL_DISKS, replace(card_of, id=f"stray-{n}", vm_id="gone", generation=0))
        for n in range(LISTED_MAX + 5)
    ]
    await world.store.commit(strays)
    found = await audited(world, PausedClock())
    assert (len(found.violations), found.unlisted) == (LISTED_MAX, 5)


async def test_a_quota_that_changes_at_every_look_is_not_judged(world: World) -> None:
    await charge(world, 1)

    class Busy:
        """The store of a project in which something is made or deleted all the time."""

        def __init__(self) -> None:
            self.reads = 0

        def __getattr__(self, name: str) -> object:
            return getattr(world.store, name)

        async def quota(self, owner_id: str) -> list[QuotaRow]:
            self.reads += 1
            return [QuotaRow("vm", None, float(self.reads), "COUNT")]

    busy = Busy()
    checks = QuotaChecks(busy)  # type: ignore[arg-type]  # it passes on whatever it is asked
    project = await world.store.find(PROJECTS, world.names["project"])
    assert project is not None
    assert await checks.projects([project]) == []
    assert checks.unsettled == {project.id}
    assert busy.reads == 2 * TRIES_MAX
