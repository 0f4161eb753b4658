"""Tasks, their fences, locks, records and ends, broken on purpose."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from photon.agent import fences, image_fences, tenure
from photon.api import edge, submit
from photon.reconcilers.adoption import Adoption
from photon.sagas import delete_vm
from photon.store.nouns import TASKS
from photon.store.protocol import Insert, Update
from photon.tasks import execute
from photon.tasks.journal import TaskJournal
from tests.simulation.mutations.mutation import Mutation, Surgery

replace = msgspec.structs.replace


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
        "ignore-keys",
        "lossy",
        "an Idempotency-Key means nothing",
        ignore_idempotency_keys,
        quick=True,
    ),
)
