"""ATTACH_DISK and DETACH_DISK: one step each, on a VM and a persistent disk, both locked.

The host checks the VM's power state; whatever fails leaves both as they were.
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.disk import DiskState, PersistentDisk, VmDisk
from photon.domain.error_catalogue import DiskNotFound, InternalError
from photon.domain.flavor import FlavorKind
from photon.domain.orders.vm import VmDiskOrder
from photon.domain.task import ErrorRecord
from photon.sagas.cloud import Cloud
from photon.sagas.refusals import explained
from photon.sagas.whereabouts import host_of
from photon.store.nouns import DISKS, VMS
from photon.store.protocol import Update, Write
from photon.tasks.saga import Plan, Run, Saga, Step

replace = msgspec.structs.replace


class Plug(msgspec.Struct, frozen=True):
    vm_id: str
    disk_id: str
    fence: int


async def attach_disk(run: Run[Cloud], order: VmDiskOrder) -> None:
    await run(ATTACH_DISK, Plug(order.vm_id, order.disk_id, run.fence))


async def detach_disk(run: Run[Cloud], order: VmDiskOrder) -> None:
    await run(DETACH_DISK, Plug(order.vm_id, order.disk_id, run.fence))


async def attach(cloud: Cloud, order: Plug) -> None:
    vm = await cloud.vm(order.vm_id)
    host = await host_of(cloud, vm)
    with explained("ATTACH_DISK", vm.id):
        await cloud.agents.attach_disk(host, order.fence, vm.id, order.disk_id)


async def undo_attach(cloud: Cloud, order: Plug) -> None:
    vm = await cloud.vm(order.vm_id)
    if vm.host_id is not None and order.disk_id not in {disk.id for disk in vm.disks}:
        host = await cloud.address_of(vm.host_id)
        with explained("DETACH_DISK", vm.id):
            await cloud.agents.detach_disk(host, order.fence, vm.id, order.disk_id)


async def detach(cloud: Cloud, order: Plug) -> None:
    vm = await cloud.vm(order.vm_id)
    if order.disk_id not in {disk.id for disk in vm.persistent_disks}:
        raise InternalError(
            request_id=vm.id,
            problem=f"disk {order.disk_id} is not attached to VM {vm.id}; nothing to detach",
        )
    host = await host_of(cloud, vm)
    with explained("DETACH_DISK", vm.id):
        await cloud.agents.detach_disk(host, order.fence, vm.id, order.disk_id)


async def _disk(cloud: Cloud, disk_id: str) -> PersistentDisk:
    disk = await cloud.store.find(DISKS, disk_id)
    if disk is None:
        raise DiskNotFound(disk_id)
    return disk


async def finish_attach(cloud: Cloud, order: VmDiskOrder, result: None) -> Plan:
    vm, disk = await cloud.vm(order.vm_id), await _disk(cloud, order.disk_id)
    plugged = VmDisk(
        id=disk.id,
        name=disk.name,
        kind=FlavorKind.PERSISTENT_DISK,
        flavor=disk.flavor,
        flavor_id=disk.flavor_id,
        capacity_gib=disk.capacity_gib,
        boot=False,
        state=DiskState.ATTACHED,
    )
    attached = replace(disk, state=DiskState.ATTACHED, vm_id=vm.id, task_id=None)
    return Plan(
        [
            Update(VMS, replace(vm, disks=(*vm.disks, plugged), task_id=None)),
            Update(DISKS, attached),
        ]
    )


async def finish_detach(cloud: Cloud, order: VmDiskOrder, result: None) -> Plan:
    vm, disk = await cloud.vm(order.vm_id), await _disk(cloud, order.disk_id)
    left = tuple(plugged for plugged in vm.disks if plugged.id != disk.id)
    detached = replace(disk, state=DiskState.DETACHED, vm_id=None, task_id=None)
    return Plan([Update(VMS, replace(vm, disks=left, task_id=None)), Update(DISKS, detached)])


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
