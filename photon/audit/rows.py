"""What rows of the store say of each other: locks, owners, parts of VMs, attached disks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from photon.audit.looks import by_id
from photon.domain.audit import Rule, Violation
from photon.domain.disk import EphemeralDisk, PersistentDisk
from photon.domain.task import Task
from photon.domain.vm import Nic, Vm
from photon.store.nouns import DISKS, EPHEMERAL_DISKS, HOSTS, IMAGES, NICS, TASKS, VMS
from photon.store.protocol import CloudStore, Noun

LOCKED: tuple[Noun[Any], ...] = (VMS, DISKS, HOSTS, IMAGES)
Living = Callable[[], Awaitable[frozenset[str]]]  # the ids of the controllers that live


class RowChecks:
    def __init__(self, store: CloudStore, living: Living) -> None:
        self._store = store
        self._living = living

    def locks(self, noun: Noun[Any]) -> Callable[[Sequence[Any]], Awaitable[list[Violation]]]:
        async def check(rows: Sequence[Any]) -> list[Violation]:
            locked = [row for row in rows if row.task_id is not None]
            tasks = await by_id(self._store, TASKS, sorted({row.task_id for row in locked}))
            over = {
                row.id: row.task_id
                for row in locked
                if row.task_id not in tasks or tasks[row.task_id].ended
            }
            # A task unlocks in the commit with which it ends, so who is locked now still is.
            now = await by_id(self._store, noun, sorted(over))
            return [
                Violation(
                    Rule.LOCK_HAS_TASK,
                    id,
                    f"{noun.name} {id} is locked by task {task_id}, which is over",
                    id,
                )
                for id, task_id in over.items()
                if id in now and now[id].task_id == task_id
            ]

        return check

    async def owners(self, tasks: Sequence[Task]) -> list[Violation]:
        """Of tasks that were not over, or were said to be somebody's, when they were read."""
        living = await self._living()
        return [
            Violation(
                Rule.TASK_HAS_OWNER,
                task.id,
                f"task {task.id} is {task.state} and its owner is {task.owner}",
                task.id,
            )
            for task in tasks
            if task.ended == (task.owner in living)
        ]

    async def vms(self, vms: Sequence[Vm]) -> list[Violation]:
        """Each names its network cards and ephemeral disks; these are there."""
        cards = await by_id(self._store, NICS, [id for vm in vms for id in vm.nic_ids])
        disks = await by_id(
            self._store, EPHEMERAL_DISKS, [disk.id for vm in vms for disk in vm.ephemeral_disks]
        )
        found = []
        for vm in vms:
            for id in (*vm.nic_ids, *(disk.id for disk in vm.ephemeral_disks)):
                if id not in cards and id not in disks:
                    text = f"VM {vm.id} names {id}, which is not stored"
                    found.append(Violation(Rule.PARTS_HAVE_VM, id, text, vm.id))
        return found

    async def parts(self, parts: Sequence[Nic | EphemeralDisk]) -> list[Violation]:
        """Each is named by its VM."""
        vms = await by_id(self._store, VMS, sorted({part.vm_id for part in parts}))
        found = []
        for part in parts:
            vm = vms.get(part.vm_id)
            named = vm and (
                part.id in vm.nic_ids or part.id in {disk.id for disk in vm.ephemeral_disks}
            )
            if not named:
                text = f"{part.id} is stored, and VM {part.vm_id} does not name it"
                found.append(Violation(Rule.PARTS_HAVE_VM, part.id, text, part.id))
        return found

    async def disks(self, disks: Sequence[PersistentDisk]) -> list[Violation]:
        """Attached to the VM that says so too."""
        settled = [disk for disk in disks if disk.task_id is None and disk.vm_id is not None]
        vms = await by_id(self._store, VMS, sorted({str(disk.vm_id) for disk in settled}))
        found = []
        for disk in settled:
            vm = vms.get(str(disk.vm_id))
            if vm is None or disk.id not in {each.id for each in vm.persistent_disks}:
                text = (
                    f"disk {disk.id} says that it is attached to VM {disk.vm_id}, which has it not"
                )
                found.append(Violation(Rule.ATTACHMENTS_AGREE, disk.id, text, disk.id))
        return found
