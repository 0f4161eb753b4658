"""What a task that has ended left behind, where nothing kept it from reaching the host."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from photon.domain.guest import Inventory
from photon.domain.task import Task, TaskState
from photon.domain.vm import Vm
from photon.simulation.invariants import Invariant
from photon.workload.broken import Broken

UNDOING: Final = frozenset({"CREATE_VM", "CREATE_DISK", "ATTACH_DISK"})
DELETING: Final = frozenset({"DELETE_VM", "DELETE_DISK"})


def may_leave(task: Task | None) -> bool:
    """Whether a task has just ended that must not have left something on a host."""
    if task is None or not task.ended:
        return False
    return task.operation in (UNDOING if task.state is TaskState.ERROR else DELETING)


def check_undone(task: Task, vm: Vm | None, hosts: Iterable[Inventory]) -> None:
    """`vm` is the row of the task's entity, if that is one. Raises Broken."""
    said = set() if vm is None else {disk.id for disk in vm.persistent_disks}
    for inventory in hosts:
        left: set[str] = set()
        if task.operation == "ATTACH_DISK":
            for guest in inventory.guests:
                if guest.vm_id == task.entity_id:
                    left = {disk.id for disk in guest.disks if disk.persistent} - said
        else:
            there = {guest.vm_id for guest in inventory.guests}
            there |= {disk.disk_id for disk in inventory.disks}
            left = there & {task.entity_id}
        if left and task.operation in DELETING:
            text = f"task {task.id} of {task.operation} is done, and {sorted(left)} is still there"
            raise Broken(Invariant.DELETED_IS_GONE, text, task.id, task.entity_id)
        if left:
            text = f"task {task.id} of {task.operation} failed, and left {sorted(left)} on a host"
            raise Broken(Invariant.FAILED_LEAVES_NOTHING, text, task.id, task.entity_id)
