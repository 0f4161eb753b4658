"""ATTACH_DISK and DETACH_DISK: one step each, on a VM and a persistent disk, both locked.

The host checks the VM's power state; whatever it refuses leaves both as they were. When it acted
and its answer was lost, the watch of guests makes the store say what the host says. A MISSING host
owes a detach, so that the VM and the disk can be deleted each.
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.agent_client.errors import AgentUnreachable
from photon.domain.debt import DebtKind
from photon.domain.disk import DiskState, PersistentDisk, VmDisk
from photon.domain.error_catalogue import DiskNotFound, InvalidVmState
from photon.domain.guest import AgentRefusal, Refusal
from photon.domain.orders.vm import VmDiskOrder
from photon.domain.task import ErrorRecord
from photon.domain.vm import VmState
from photon.sagas.cloud import Cloud
from photon.sagas.missing import OwedByMissingHost, is_missing, owed
from photon.sagas.refusals import NotDone, error_of, explained
from photon.sagas.whereabouts import host_of
from photon.store.nouns import DISKS, VMS
from photon.store.protocol import Update, Write
from photon.tasks.saga import Plan, Run, Saga, Step

# Refusals of a detach that say that there is nothing to detach.
_NOT_ATTACHED: Final = frozenset(
    {
        AgentRefusal.HOST_NOT_FOUND,
        AgentRefusal.VM_NOT_FOUND,
        AgentRefusal.DISK_NOT_FOUND,
        AgentRefusal.DISK_NOT_ATTACHED,
    }
)

replace = msgspec.structs.replace


class Plug(msgspec.Struct, frozen=True):
    vm_id: str
    disk_id: str
    fence: int


async def attach_disk(run: Run[Cloud], order: VmDiskOrder) -> None:
    await run(ATTACH_DISK, Plug(order.vm_id, order.disk_id, run.fence))


class Unplugged(msgspec.Struct, frozen=True):
    """`missing`: the address of the MISSING host where they still are together."""

    missing: str | None = None


async def detach_disk(run: Run[Cloud], order: VmDiskOrder) -> Unplugged:
    unplugged = await run(DETACH_DISK, Plug(order.vm_id, order.disk_id, run.fence))
    if unplugged.missing is not None:
        run.warn(OwedByMissingHost(unplugged.missing))
    return unplugged


async def attach(cloud: Cloud, order: Plug) -> None:
    vm = await cloud.vm(order.vm_id)
    host = await host_of(cloud, vm)
    with explained("ATTACH_DISK", vm.id):
        try:
            await cloud.agents.attach_disk(host, order.fence, vm.id, order.disk_id)
        except Refusal as refusal:
            if refusal.code is not AgentRefusal.DISK_NOT_FOUND:
                raise
            disk = await _disk(cloud, order.disk_id)
            raise NotDone(
                id=vm.id,
                problem=f"disk {disk.id} is not on the host of VM {vm.id}, and stays with the host "
                "that made it; make a disk with an affinity to the VM instead",
            ) from refusal


async def undo_attach(cloud: Cloud, order: Plug) -> None:
    """What cannot be undone because the host is silent, the watch of guests tells of later."""
    vm = await cloud.vm(order.vm_id)
    if vm.host_id is None or await is_missing(cloud, vm.host_id):
        return
    host = await cloud.address_of(vm.host_id)
    try:
        await cloud.agents.detach_disk(host, order.fence, vm.id, order.disk_id)
    except AgentUnreachable:
        return
    except Refusal as refusal:
        if refusal.code not in _NOT_ATTACHED:
            raise error_of(refusal, "DETACH_DISK", vm.id) from refusal


async def detach(cloud: Cloud, order: Plug) -> Unplugged:
    vm = await cloud.vm(order.vm_id)
    if order.disk_id not in {disk.id for disk in vm.persistent_disks}:
        raise NotDone(
            id=vm.id,
            problem=f"disk {order.disk_id} is not attached to VM {vm.id}; nothing to detach",
        )
    if vm.host_id is not None and await is_missing(cloud, vm.host_id):
        if vm.state is VmState.SUSPENDED:  # as the host would say: it could not pay that debt
            advice = "it is suspended, and its host is missing; try again when that is back"
            raise InvalidVmState(id=vm.id, state=vm.state, advice=advice)
        return Unplugged(missing=vm.host_address or vm.host_id)
    host = await host_of(cloud, vm)
    with explained("DETACH_DISK", vm.id):
        await cloud.agents.detach_disk(host, order.fence, vm.id, order.disk_id)
    return Unplugged()


async def _disk(cloud: Cloud, disk_id: str) -> PersistentDisk:
    disk = await cloud.store.find(DISKS, disk_id)
    if disk is None:
        raise DiskNotFound(disk_id)
    return disk


async def finish_attach(cloud: Cloud, order: VmDiskOrder, result: None) -> Plan:
    vm, disk = await cloud.vm(order.vm_id), await _disk(cloud, order.disk_id)
    attached = replace(disk, state=DiskState.ATTACHED, vm_id=vm.id, task_id=None)
    disks = (*vm.disks, VmDisk.plugged(disk))
    return Plan([Update(VMS, replace(vm, disks=disks, task_id=None)), Update(DISKS, attached)])


async def finish_detach(cloud: Cloud, order: VmDiskOrder, unplugged: Unplugged) -> Plan:
    vm, disk = await cloud.vm(order.vm_id), await _disk(cloud, order.disk_id)
    left = tuple(plugged for plugged in vm.disks if plugged.id != disk.id)
    detached = replace(disk, state=DiskState.DETACHED, vm_id=None, task_id=None)
    writes: list[Write] = [
        Update(VMS, replace(vm, disks=left, task_id=None)),
        Update(DISKS, detached),
    ]
    if unplugged.missing is not None and vm.host_id is not None:
        writes += await owed(cloud, vm.host_id, DebtKind.DETACH, disk.id, vm_id=vm.id)
    return Plan(writes)


async def unlock_both(cloud: Cloud, order: VmDiskOrder, error: ErrorRecord) -> Plan:
    vm, disk = await cloud.vm(order.vm_id), await _disk(cloud, order.disk_id)
    writes: list[Write] = [
        Update(VMS, replace(vm, task_id=None)),
        Update(DISKS, replace(disk, task_id=None)),
    ]
    return Plan(writes)


ATTACH_DISK = Step("ATTACH_DISK", attach, undo_attach)
DETACH_DISK = Step("DETACH_DISK", detach)

SAGAS: Final = (
    Saga(
        operation="ATTACH_DISK",
        order=VmDiskOrder,
        shown=("ATTACH_DISK",),
        body=attach_disk,
        finish=finish_attach,
        fail=unlock_both,
        steps=(ATTACH_DISK,),
    ),
    Saga(
        operation="DETACH_DISK",
        order=VmDiskOrder,
        shown=("DETACH_DISK",),
        body=detach_disk,
        finish=finish_detach,
        fail=unlock_both,
        steps=(DETACH_DISK,),
    ),
)
