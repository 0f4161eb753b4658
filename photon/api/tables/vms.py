"""Routes of VMs: in a project, and one by one."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import capacity, placements, vm_create, vms
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, StateQuery, Tag
from photon.wire.v1 import capacity as wire_capacity
from photon.wire.v1 import placement, vm
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/projects/{id}/vms",
        vm_create.create_vm,
        Task,
        Tag.VMS,
        "Create a VM",
        role=Role.PROJECT,
        status=201,
        others=((200, placement.VmDryRun),),
        query=vm_create.VmCreateQuery,
        body=vm.VmCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/projects/{id}/vms",
        vms.list_vms,
        ResourceList[vm.Vm],
        Tag.VMS,
        "List a project's VMs",
        role=Role.PROJECT,
        query=NamedQuery,
    ),
    Route(
        "POST",
        "/v1/projects/{id}/capacity",
        capacity.show_capacity,
        wire_capacity.Capacity,
        Tag.VMS,
        "Show how many more VMs of one sort fit",
        role=Role.PROJECT,
        body=wire_capacity.CapacitySpec,
    ),
    Route(
        "GET",
        "/v1/vms/{id}",
        vms.show_vm,
        vm.Vm,
        Tag.VMS,
        "Show a VM",
        role=Role.PROJECT,
    ),
    Route(
        "DELETE",
        "/v1/vms/{id}",
        vms.delete_vm,
        Task,
        Tag.VMS,
        "Delete a VM that is powered off",
        role=Role.PROJECT,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/vms/{id}/set_metadata",
        vms.set_metadata,
        Task,
        Tag.VMS,
        "Replace a VM's metadata",
        role=Role.PROJECT,
        status=201,
        body=vm.VmMetadata,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/vms/{id}/tags",
        vms.add_tag,
        Task,
        Tag.VMS,
        "Add a tag to a VM",
        role=Role.PROJECT,
        status=201,
        body=vm.Tag,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/vms/{id}/tasks",
        vms.list_vm_tasks,
        ResourceList[Task],
        Tag.VMS,
        "List a VM's tasks",
        role=Role.PROJECT,
        query=StateQuery,
    ),
    Route(
        "GET",
        "/v1/vms/{id}/placement",
        placements.show_vm_placement,
        placement.VmPlacement,
        Tag.VMS,
        "Show why a VM is where it is",
        role=Role.PROJECT,
    ),
)
