"""What owners of VMs do while the machines below them die: create, start, attach, delete."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from photon.sdk.client import AsyncClient
from photon.sdk.errors import ApiProblem, TaskFailed, Unreachable
from photon.wire.v1.affinity import LocalitySpec
from photon.wire.v1.disk import DiskCreateSpec
from photon.wire.v1.task import Task
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec
from tests.kill.seed import BOOT_FLAVOR, DATA_FLAVOR, VM_FLAVOR, Seeded

AT_ONCE: Final = 24  # Owners at work at the same time.
TASK_SECONDS_MAX: Final = 50.0
# One that stops takes no more tasks, and nothing repeats a DELETE but its caller.
CONTROLLER_LEAVES: Final = 503
AGAIN_SECONDS: Final = 0.1
# Until a controller is back on a loaded machine. What is posted has a key, and is done once.
RETRIES: Final = 8

Ask = Callable[[], Awaitable[Task]]


@dataclass
class Load:
    """`done` are the tasks that completed, by id; `failed` those that did not."""

    client: AsyncClient
    seeded: Seeded
    random: Random
    done: dict[str, Task] = field(default_factory=dict)
    failed: list[Task] = field(default_factory=list)
    vms: set[str] = field(default_factory=set)  # that were made, and not deleted since
    deleted: set[str] = field(default_factory=set)
    _acknowledged: int = 0
    _heard: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def run(self, vms: int) -> None:
        """Returns when every owner has done what they wanted."""
        turns = asyncio.Semaphore(AT_ONCE)

        async def owner(number: int, random: Random) -> None:
            async with turns:
                await self._owner(f"vm-{number}", random)

        randoms = [Random(self.random.getrandbits(64)) for _ in range(vms)]
        async with asyncio.TaskGroup() as owners:
            for number, random in enumerate(randoms):
                owners.create_task(owner(number, random))

    async def acknowledged(self, count: int) -> None:
        """Returns when so many requests were answered with a task."""
        async with self._heard:
            await self._heard.wait_for(lambda: self._acknowledged >= count)

    async def failures(self, count: int) -> None:
        """Returns when so many tasks have failed."""
        async with self._heard:
            await self._heard.wait_for(lambda: len(self.failed) >= count)

    def operations(self) -> Counter[str]:
        return Counter(task.operation for task in self.done.values())

    async def _owner(self, name: str, random: Random) -> None:
        boot = AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
        spec = VmCreateSpec(name, VM_FLAVOR, self.seeded.image_id, [boot])
        made = await self._do(lambda: self.client.vms.create(self.seeded.project_id, spec))
        if made is None:
            return
        vm_id = made.entity.id
        self.vms.add(vm_id)
        if random.random() < 0.4:
            started = await self._do(lambda: self.client.vms.start(vm_id))
            if started is None or random.random() < 0.5:
                return
            if await self._do(lambda: self.client.vms.stop(vm_id)):
                await self._maybe_delete(vm_id, random)
        elif random.random() < 0.5:
            await self._plug(vm_id, random)
        else:
            await self._maybe_delete(vm_id, random)

    async def _maybe_delete(self, vm_id: str, random: Random) -> None:
        if random.random() < 0.6 and await self._delete(lambda: self.client.vms.delete(vm_id)):
            self.vms.discard(vm_id)
            self.deleted.add(vm_id)

    async def _plug(self, vm_id: str, random: Random) -> None:
        near = [LocalitySpec(vm_id, "vm")]
        spec = DiskCreateSpec("data", "persistent-disk", DATA_FLAVOR, 2, affinities=near)
        made = await self._do(lambda: self.client.disks.create(self.seeded.project_id, spec))
        if made is None:
            return
        disk_id = made.entity.id
        plugged = await self._do(lambda: self.client.vms.attach_disk(vm_id, disk_id))
        if plugged is None or random.random() < 0.4:
            return
        unplugged = await self._do(lambda: self.client.vms.detach_disk(vm_id, disk_id))
        if unplugged and random.random() < 0.5:
            await self._delete(lambda: self.client.disks.delete(disk_id))

    async def _do(self, ask: Ask) -> Task | None:
        """The task when it has completed; None when it failed."""
        task = await ask()
        async with self._heard:
            self._acknowledged += 1
            self._heard.notify_all()
        try:
            ended = await self.client.tasks.wait(task.id, TASK_SECONDS_MAX)
        except TaskFailed as failure:
            async with self._heard:
                self.failed.append(failure.task)
                self._heard.notify_all()
            return None
        self.done[ended.id] = ended
        return ended

    async def _delete(self, ask: Ask) -> bool:
        """Whether it is gone. No key makes a repeated DELETE the same one: it may meet the first,
        at work or done."""
        lost = False
        turned_away = 0
        while True:
            try:
                if await self._do(ask) is not None:
                    return True
            except Unreachable:
                lost = True
                continue
            except ApiProblem as problem:
                if lost and problem.status == 404:
                    return True
                turned_away += 1
                if problem.status != CONTROLLER_LEAVES or turned_away > RETRIES:
                    raise
                await asyncio.sleep(AGAIN_SECONDS)
                continue
            if not (lost and _met_another(self.failed[-1])):
                return False
            self.failed.pop()
            await asyncio.sleep(AGAIN_SECONDS)


def _met_another(task: Task) -> bool:
    return any(error.code == "ConcurrentTask" for step in task.steps for error in step.errors)
