"""What the auditor holds against the truth's rows, one wrong commit each."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from photon.domain.project import Project
from photon.domain.quota import Amount, QuotaUnit
from photon.domain.task import Task, TaskState
from photon.domain.tenant import Tenant
from photon.domain.vm import Vm
from photon.outside.clock import RealClock
from photon.simulation.audit import FeedEar
from photon.simulation.invariants import Invariant
from photon.simulation.mirror import Mirror
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import NOUNS, PROJECTS, TASKS, TENANTS, VMS
from photon.store.protocol import Change, Charge, Delete, Insert, Revision, Update, Write
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.workload.broken import Broken

replace = msgspec.structs.replace
COST = (Amount("vm.count", 1.0, QuotaUnit.COUNT),)
VM = Vm("v", "p", "vm", "f", "small", "i", COST, 1, 1024)
TASK = Task("t", "DELETE_VM", "vm", "v", 1_000, owner="controller-1")


class Watched:
    """A store with a mirror; `broken` is what it found first."""

    def __init__(self) -> None:
        self.store = SqliteStore(MEMORY, NOUNS, RealClock(), SqliteOptions(durably=Inline()))
        self.living: set[str] = set()
        self.mirror = Mirror(self.store, lambda: 0.0, lambda id: id in self.living)
        self.broken: Broken | None = None
        self.store.subscribe(self._hear)

    def _hear(self, changes: Any) -> None:
        try:
            self.mirror.hear(changes)
        except Broken as broken:
            self.broken = self.broken or broken

    async def commit(self, *writes: Write) -> None:
        await self.store.commit(writes)

    async def finds(self, *writes: Write) -> str | None:
        assert self.broken is None, "all was well until now"
        await self.commit(*writes)
        return None if self.broken is None else self.broken.promise


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    made = Watched()
    await made.commit(
        Insert(TENANTS, Tenant("n", "tenant")), Insert(PROJECTS, Project("p", "n", "project"))
    )
    await made.commit(Insert(VMS, VM), Charge("p", COST))
    yield made
    await made.store.close()


async def _stored(watched: Watched) -> Vm:
    vm = await watched.store.find(VMS, "v")
    assert vm is not None
    return vm


async def test_a_vm_that_is_charged_once_is_fine(watched: Watched) -> None:
    assert watched.broken is None
    watched.mirror.check_all_quotas()


async def test_a_charge_without_anything_made_is_found(watched: Watched) -> None:
    vm = await _stored(watched)
    wrong = await watched.finds(Charge("p", COST), Update(VMS, replace(vm, name="other")))
    assert wrong == Invariant.QUOTA_IS_THE_SUM


async def test_a_lock_of_no_task_is_found(watched: Watched) -> None:
    vm = await _stored(watched)
    wrong = await watched.finds(Update(VMS, replace(vm, task_id="nobody")))
    assert wrong == Invariant.LOCK_HAS_TASK


async def test_a_lock_that_outlives_its_task_is_found(watched: Watched) -> None:
    vm = await _stored(watched)
    await watched.commit(Update(VMS, replace(vm, task_id="t")), Insert(TASKS, TASK))
    ended = replace(TASK, state=TaskState.ERROR, ended_ms=2_000, generation=1)
    assert await watched.finds(Update(TASKS, ended)) == Invariant.LOCK_HAS_TASK


async def test_a_lock_that_another_takes_off_is_found(watched: Watched) -> None:
    vm = await _stored(watched)
    await watched.commit(Update(VMS, replace(vm, task_id="t")), Insert(TASKS, TASK))
    vm = await _stored(watched)
    wrong = await watched.finds(Update(VMS, replace(vm, task_id=None)))
    assert wrong == Invariant.LOCK_HAS_TASK


async def test_a_task_that_ends_twice_is_found(watched: Watched) -> None:
    done = replace(TASK, state=TaskState.COMPLETED, ended_ms=2_000)
    await watched.commit(Insert(TASKS, done))
    again = replace(done, state=TaskState.ERROR, generation=1)
    assert await watched.finds(Update(TASKS, again)) == Invariant.END_IS_FINAL


async def test_an_open_task_of_nobody_is_found(watched: Watched) -> None:
    wrong = await watched.finds(Insert(TASKS, replace(TASK, owner=None)))
    assert wrong == Invariant.TASK_HAS_OWNER


async def test_a_vm_that_changes_its_host_is_found(watched: Watched) -> None:
    vm = await _stored(watched)
    await watched.commit(Update(VMS, replace(vm, host_id="h1")))
    vm = await _stored(watched)
    wrong = await watched.finds(Update(VMS, replace(vm, host_id="h2")))
    assert wrong == Invariant.VM_STAYS


async def test_a_vm_that_vanishes_by_no_task_is_found(watched: Watched) -> None:
    negative = tuple(amount.negated() for amount in COST)
    wrong = await watched.finds(Delete(VMS, "v"), Charge("p", negative))
    assert wrong == Invariant.GOES_BY_ITS_TASK


def _changes(*revisions: int) -> list[Change]:
    return [Change(Revision(revision), "vms", f"v{revision}", 1) for revision in revisions]


def test_a_feed_that_begins_later_and_tells_all_from_there_is_fine() -> None:
    ear = FeedEar(_changes(1, 2, 3, 4), "controller-1")
    ear.hear(_changes(2, 3))
    ear.hear(_changes(4))


@pytest.mark.parametrize("told", [(2, 4), (2, 2), (3, 2)])
def test_a_feed_with_a_gap_or_twice_or_backwards_is_found(told: tuple[int, ...]) -> None:
    ear = FeedEar(_changes(1, 2, 3, 4), "controller-1")
    with pytest.raises(Broken, match=Invariant.FEED_IS_WHOLE):
        ear.hear(_changes(*told))
