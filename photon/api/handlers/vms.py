"""VMs: what is asked of those that exist."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import msgspec

from photon.api.found import the_disk, the_project, the_vm
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery, NoQuery, StateQuery
from photon.api.submit import Ask, Job, completed, refused, submitted
from photon.api.task_lists import tasks_of
from photon.api.views.vm import vm_view
from photon.api.watching import Listed, listed
from photon.domain.disk import DISK_OPERATION_FROM, DiskOperation
from photon.domain.error_catalogue import (
    ConcurrentTask,
    InvalidOperation,
    InvalidVmState,
    PersistentDiskAttached,
    StateError,
)
from photon.domain.guest import ConsoleKind, PowerOp
from photon.domain.kinds import EntityKind
from photon.domain.orders.vm import AskVm, DeleteVm, OpenConsole, PowerVm, VmDiskOrder
from photon.domain.vm import Vm, VmState
from photon.store.memberships import changed_member
from photon.store.nouns import DISKS, VMS
from photon.store.protocol import Update, Write
from photon.wire.v1 import vm as wire
from photon.wire.v1.task import Task


class ConsoleQuery(msgspec.Struct):
    kind: Literal["serial", "vnc"] = "serial"


replace = msgspec.structs.replace
Plain = Call[NoQuery, None]


async def list_vms(plane: Plane, call: Call[NamedQuery, None]) -> Listed[wire.Vm]:
    await the_project(plane, call.id)
    view = partial(vm_view, missing=await plane.missing.load())
    listing = Listing(VMS, view, within={"project_id": call.id}, filters={"name": call.query.name})
    return await listed(plane, call, listing)


async def show_vm(plane: Plane, call: Plain) -> wire.Vm:
    missing = await plane.missing.load()
    return vm_view(await the_vm(plane, call.id), call.base, missing)


async def list_vm_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await the_vm(plane, call.id)
    return await tasks_of(plane, call, EntityKind.VM)


async def delete_vm(plane: Plane, call: Plain) -> Task:
    """Persistent disks must be detached first; whether it is powered off, the host says."""
    vm = await the_vm(plane, call.id)
    for disk in vm.persistent_disks:
        raise PersistentDiskAttached(vm_id=vm.id, disk_id=disk.id)
    return await _locked(plane, call, "DELETE_VM", vm, DeleteVm(vm.id))


async def start_vm(plane: Plane, call: Plain) -> Task:
    return await _power(plane, call, "START_VM", PowerOp.START)


async def stop_vm(plane: Plane, call: Plain) -> Task:
    return await _power(plane, call, "STOP_VM", PowerOp.STOP)


async def restart_vm(plane: Plane, call: Plain) -> Task:
    return await _power(plane, call, "RESTART_VM", PowerOp.RESTART)


async def suspend_vm(plane: Plane, call: Plain) -> Task:
    return await _power(plane, call, "SUSPEND_VM", PowerOp.SUSPEND)


async def resume_vm(plane: Plane, call: Plain) -> Task:
    return await _power(plane, call, "RESUME_VM", PowerOp.RESUME)


async def _power(plane: Plane, call: Plain, operation: str, op: PowerOp) -> Task:
    vm = await the_vm(plane, call.id)
    return await _locked(plane, call, operation, vm, PowerVm(vm.id, op))


async def _locked(
    plane: Plane, call: Call[Any, Any], operation: str, vm: Vm, order: msgspec.Struct
) -> Task:
    """A saga that alone works on the VM."""
    ask = Ask(operation, EntityKind.VM, vm.id, vm.project_id)
    if vm.task_id is not None:
        return await refused(plane, call, ask, ConcurrentTask("vm", vm.id, vm.task_id))
    job = Job(plane.ids.new(), order)
    return await submitted(plane, call, ask, job, [Update(VMS, replace(vm, task_id=job.task_id))])


async def attach_disk(plane: Plane, call: Call[NoQuery, wire.VmDiskOperation]) -> Task:
    return await _plug(plane, call, DiskOperation.ATTACH)


async def detach_disk(plane: Plane, call: Call[NoQuery, wire.VmDiskOperation]) -> Task:
    return await _plug(plane, call, DiskOperation.DETACH)


async def _plug(
    plane: Plane, call: Call[NoQuery, wire.VmDiskOperation], operation: DiskOperation
) -> Task:
    vm = await the_vm(plane, call.id)
    disk = await the_disk(plane, call.body.disk_id)
    if disk.project_id != vm.project_id:
        raise InvalidOperation(
            problem=f"disk {disk.id} and VM {vm.id} are in different projects; use a disk of the "
            "VM's own project"
        )
    if disk.state not in DISK_OPERATION_FROM[operation]:
        raise StateError(
            id=disk.id, entity_kind="persistent-disk", operation=operation, state=disk.state
        )
    ask = Ask(operation, EntityKind.VM, vm.id, vm.project_id)
    for kind, id, holder in (
        ("vm", vm.id, vm.task_id),
        ("persistent-disk", disk.id, disk.task_id),
    ):
        if holder is not None:
            return await refused(plane, call, ask, ConcurrentTask(kind, id, holder))
    job = Job(plane.ids.new(), VmDiskOrder(vm.id, disk.id))
    writes: list[Write] = [
        Update(VMS, replace(vm, task_id=job.task_id)),
        Update(DISKS, replace(disk, task_id=job.task_id)),
    ]
    return await submitted(plane, call, ask, job, writes)


async def get_vm_subnets(plane: Plane, call: Plain) -> Task:
    vm = await the_vm(plane, call.id)
    ask = Ask("GET_NETWORKS", EntityKind.VM, vm.id, vm.project_id)
    return await submitted(plane, call, ask, Job(plane.ids.new(), AskVm(vm.id)), ())


async def get_mks_ticket(plane: Plane, call: Plain) -> Task:
    """A ticket for the VM's screen (VNC), good for one connection."""
    return await _ticket(plane, call, "GET_MKS_TICKET", ConsoleKind.VNC)


async def get_console_ticket(plane: Plane, call: Call[ConsoleQuery, None]) -> Task:
    """A ticket for the VM's serial line or screen, good for one connection. Beyond the contract."""
    return await _ticket(plane, call, "GET_CONSOLE_TICKET", ConsoleKind[call.query.kind.upper()])


async def _ticket(plane: Plane, call: Call[Any, None], operation: str, kind: ConsoleKind) -> Task:
    vm = await the_vm(plane, call.id)
    if kind is ConsoleKind.VNC and vm.state is not VmState.STARTED:
        raise InvalidVmState(
            id=vm.id, state=vm.state, advice="only a VM that is powered on has a screen; start it"
        )
    ask = Ask(operation, EntityKind.VM, vm.id, vm.project_id)
    return await submitted(plane, call, ask, Job(plane.ids.new(), OpenConsole(vm.id, kind)), ())


async def set_metadata(plane: Plane, call: Call[NoQuery, wire.VmMetadata]) -> Task:
    """Replaces all of it, whatever else is being done with the VM."""
    vm = await the_vm(plane, call.id)
    ask = Ask("SET_METADATA", EntityKind.VM, vm.id, vm.project_id)
    return await completed(
        plane, call, ask, [Update(VMS, replace(vm, metadata=call.body.metadata))]
    )


async def add_tag(plane: Plane, call: Call[NoQuery, wire.Tag]) -> Task:
    vm = await the_vm(plane, call.id)
    tags = tuple(sorted({*vm.tags, call.body.value}))
    if len(tags) > wire.TAGS_MAX:
        raise InvalidOperation(
            problem=f"VM {vm.id} has {len(vm.tags)} tags, the most that it may have"
        )
    ask = Ask("ADD_TAG", EntityKind.VM, vm.id, vm.project_id)
    tagged = replace(vm, tags=tags)
    writes = [Update(VMS, tagged), *await changed_member(plane.store, tagged)]
    return await completed(plane, call, ask, writes)
