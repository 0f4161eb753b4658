"""Tasks, their fences, locks, records and ends, broken on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from photon.agent import fences, image_fences, tenure
from photon.agent_client.address import HostAddress
from photon.api import edge, request, submit
from photon.controller import process
from photon.domain.disk import DiskState
from photon.reconcilers.adoption import Adoption
from photon.sagas import create_vm, delete_vm, vm_disks
from photon.sagas.catalogue import SAGAS
from photon.store.nouns import TASKS, VMS
from photon.store.protocol import Insert, Update
from photon.tasks import execute
from photon.tasks.journal import TaskJournal
from photon.tasks.saga import Plan
from tests.simulation.mutations.mutation import Mutation, Surgery, replace


def forget_the_fence_of_tasks(surgery: Surgery) -> None:
    """A journal is written whoever owns the task by now."""

    def around(commit: Any) -> Any:
        async def unfenced(self: Any, writes: Any, task: Any) -> None:
            stored = await self._store.find(TASKS, task.id)
            if stored is not None:
                task = replace(task, generation=stored.generation)
            await commit(self, writes, task)

        return unfenced

    surgery.wrap(TaskJournal, "_commit", around)


def forget_the_fence_of_hosts(surgery: Surgery) -> None:
    """An agent does whatever it is told, however long ago that was decided."""
    for module in (fences, image_fences, tenure):
        surgery.replace(module, "refuse_below", lambda name, fence, lowest: None)


def release_quota_twice(surgery: Surgery) -> None:
    surgery.wrap(delete_vm, "total", lambda total: lambda costs: total([*costs, *costs]))


def skip_the_undo(surgery: Surgery) -> None:
    async def skipped(run: Any, step: Any, argument: Any, clock: Any) -> None:
        return

    surgery.replace(execute, "_undo", skipped)


def forget_the_lock(surgery: Surgery) -> None:
    """A task is made without the lock on what it works on."""

    def around(start: Any) -> Any:
        async def unlocked(plane: Any, call: Any, ask: Any, job: Any, writes: Any) -> Any:
            bare = [_without_lock(write, job.task_id) for write in writes]
            return await start(plane, call, ask, job, bare)

        return unlocked

    surgery.wrap(submit, "_start", around)


def _without_lock(write: Any, task_id: str) -> Any:
    if isinstance(write, Update | Insert) and getattr(write.entity, "task_id", None) == task_id:
        return replace(write, entity=replace(write.entity, task_id=None))
    return write


def adopt_from_the_living(surgery: Surgery) -> None:
    """Whoever looks for tasks of the dead takes everybody's."""

    async def adopt(self: Any, owner: str, mine: Any) -> int:
        return int(await self._runner.adopt(owner, mine))

    surgery.replace(Adoption, "_adopt", adopt)
    surgery.replace(Adoption, "_living", lambda self: set())


def never_adopt(surgery: Surgery) -> None:
    async def adopt(self: Any, owner: str, mine: Any) -> int:
        return 0

    surgery.replace(Adoption, "_adopt", adopt)


def ignore_idempotency_keys(surgery: Surgery) -> None:
    async def nothing_known(plane: Any, call: Any) -> None:
        call.idempotency = None

    surgery.replace(edge, "_known_answer", nothing_known)


def do_finished_steps_again(surgery: Surgery) -> None:
    surgery.replace(TaskJournal, "recorded", lambda self, step: None)


def act_before_it_is_written(surgery: Surgery) -> None:
    """What a step has chosen is written when there is time."""

    async def starting(self: Any, step: str, operation: str) -> None:
        self._advance_to(operation, self._clock.now_ms())
        self._dirty = True
        self._show_later()

    surgery.replace(TaskJournal, "starting", starting)


def keep_the_lock_of_what_failed(surgery: Surgery) -> None:
    async def nothing(deps: Any, order: Any, error: Any) -> Plan:
        return Plan()

    _with_sagas(surgery, lambda saga: dataclasses.replace(saga, fail=nothing), "START_VM")


def undo_to_another(surgery: Surgery) -> None:
    """Undoing a create deletes some other VM of that host."""

    async def delete(cloud: Any, order: Any) -> None:
        where = {"host_id": order.placement.host_id}
        others = (await cloud.store.page(VMS, where, limit=1)).items
        host = HostAddress(order.placement.agent_endpoint, order.placement.host_id)
        for vm in others:
            await cloud.agents.delete_vm(host, order.fence, vm.id, force=True)

    surgery.replace(create_vm, "_delete", delete)


def delete_the_row_alone(surgery: Surgery) -> None:
    """A VM is said to be gone, and its host was not asked."""

    async def body(run: Any, order: Any) -> Any:
        return delete_vm.Unmade()

    _with_sagas(surgery, lambda saga: dataclasses.replace(saga, body=body), "DELETE_VM")


def attach_by_half(surgery: Surgery) -> None:
    """The VM knows of its new disk, the disk does not."""

    async def finish(cloud: Any, order: Any, result: None) -> Plan:
        plan = await vm_disks.finish_attach(cloud, order, result)
        vm, disk = plan.writes
        assert isinstance(disk, Update)
        left = replace(disk.entity, state=DiskState.DETACHED, vm_id=None)
        return Plan([vm, Update(disk.noun, left)])

    _with_sagas(surgery, lambda saga: dataclasses.replace(saga, finish=finish), "ATTACH_DISK")


def _with_sagas(surgery: Surgery, change: Callable[[Any], Any], operation: str) -> None:
    changed = tuple(change(saga) if saga.operation == operation else saga for saga in SAGAS)
    surgery.replace(process, "SAGAS", changed)


def one_key_for_all_paths(surgery: Surgery) -> None:
    def around(idempotency_of: Any) -> Any:
        def keyed(req: Any, route: Any, call: Any, content: bytes) -> Any:
            key = idempotency_of(req, route, call, content)
            return None if key is None else dataclasses.replace(key, id=key.key)

        return keyed

    surgery.wrap(request, "idempotency_of", around)


MUTATIONS: Final = (
    Mutation(
        "unfenced-tasks",
        "freezing",
        "a controller that lost a task writes its journal all the same",
        forget_the_fence_of_tasks,
    ),
    Mutation(
        "unfenced-hosts",
        "late",
        "a host does what was decided before what it has done",
        forget_the_fence_of_hosts,
    ),
    Mutation(
        "quota-twice", "calm", "a VM's quota is given back twice", release_quota_twice, quick=True
    ),
    Mutation(
        "skip-the-undo", "failing", "a failed task leaves what it did", skip_the_undo, steps=300
    ),
    Mutation("forget-the-lock", "calm", "tasks lock nothing", forget_the_lock, quick=True),
    Mutation(
        "adopt-the-living",
        "freezing",
        "tasks of living owners are adopted",
        adopt_from_the_living,
        quick=True,
    ),
    Mutation("never-adopt", "crashing", "tasks of dead owners are not adopted", never_adopt),
    Mutation(
        "finished-again",
        "crashing",
        "an adopted task begins anew, whatever its journal has",
        do_finished_steps_again,
    ),
    Mutation(
        "act-before-writing",
        "calm",
        "hosts are asked before the choice of them is durable",
        act_before_it_is_written,
        quick=True,
    ),
    Mutation(
        "keep-the-lock",
        "failing",
        "a start that failed does not unlock its VM",
        keep_the_lock_of_what_failed,
    ),
    Mutation("undo-another", "failing", "an undo deletes another VM", undo_to_another),
    Mutation(
        "delete-the-row",
        "calm",
        "a VM is deleted in the store alone",
        delete_the_row_alone,
        quick=True,
    ),
    Mutation("attach-by-half", "calm", "a disk does not know its VM", attach_by_half),
    Mutation("one-key", "calm", "an Idempotency-Key counts for every path", one_key_for_all_paths),
    Mutation(
        "ignore-keys",
        "lossy",
        "an Idempotency-Key means nothing",
        ignore_idempotency_keys,
        quick=True,
    ),
)
