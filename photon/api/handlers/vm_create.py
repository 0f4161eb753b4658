"""POST /v1/projects/{id}/vms: checks everything, then asks for the VM in one write-set.

The checks come in the contract's order (7.4): disks, boot disk, image, affinities, then what the
names stand for. What was read is named again as a condition of the write-set, so that an image or
a flavor that is deleted meanwhile makes the handler look again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from photon.api.found import the_kept_project
from photon.api.handlers.lookups import affinities_of, usable_flavor, usable_image
from photon.api.handlers.networks import subnets_for
from photon.api.handlers.vm_demand import asked_of, demand_of, with_strategy
from photon.api.handlers.vm_dry_run import dry_run
from photon.api.plane import Plane
from photon.api.route import Call
from photon.api.submit import Ask, Job, submitted
from photon.domain.affinity import Affinity
from photon.domain.disk import DiskState, EphemeralDisk, VmDisk
from photon.domain.error_catalogue import InvalidEntity
from photon.domain.flavor import Flavor, FlavorKind, disk_cost
from photon.domain.guest import GuestDisk, GuestNic, GuestSpec, ImageSource
from photon.domain.image import Image
from photon.domain.kinds import EntityKind
from photon.domain.membership import Membership
from photon.domain.orders.vm import CreateVm
from photon.domain.quota import total
from photon.domain.readiness import Readiness
from photon.domain.subnet import Subnet
from photon.domain.task import ErrorRecord
from photon.domain.vm import Nic, Vm, all_costs
from photon.domain.vm_spec import check_affinities, check_disks, check_environment
from photon.store.nouns import (
    EPHEMERAL_DISKS,
    FLAVORS,
    IMAGES,
    MEMBERSHIPS,
    NICS,
    PROJECTS,
    SUBNETS,
    VMS,
)
from photon.store.protocol import Charge, Insert, Require, Write
from photon.wire.v1.placement import VmDryRun
from photon.wire.v1.task import Task
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec

_READY = {"state": Readiness.READY}


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the names in the spec stand for."""

    flavor: Flavor
    image: Image
    disk_flavors: dict[str, Flavor]
    subnets: Sequence[Subnet]
    affinities: tuple[Affinity, ...]


class VmCreateQuery(msgspec.Struct):
    """`dry_run=true` only asks what would happen."""

    dry_run: bool = False


async def create_vm(plane: Plane, call: Call[VmCreateQuery, VmCreateSpec]) -> Task | VmDryRun:
    """Asks for a VM: its quota is charged, its row is CREATING and its saga runs, or nothing is.

    With `dry_run=true` nothing is changed or held: what cannot be is refused as it would be, and
    else the answer (200) says where the VM would go, or why it would find no room.
    """
    spec = call.body
    check_disks(spec.attached_disks)
    if not spec.source_image_id:
        raise InvalidEntity(problem="No sourceImageId is specified; name the image to boot from")
    affinities = affinities_of(spec.affinities)
    check_affinities(affinities)
    check_environment(spec.environment)
    asked = asked_of(spec.placement)
    plane.runner.admit()
    project = await the_kept_project(plane, call.id)
    parts = await _parts(plane, spec, affinities, project.id)
    task_id = plane.ids.new()
    vm, nics = _vm(plane, spec, parts, project.id, task_id)
    if asked is not None:
        vm = msgspec.structs.replace(vm, asked=asked)
    demand = await demand_of(plane, vm, nics, parts.disk_flavors, parts.image)
    demand = with_strategy(demand, vm, project.strategy)
    if call.query.dry_run:
        return await dry_run(plane, call, vm, demand)
    job = Job(
        task_id,
        CreateVm(demand, _guest(vm, nics, parts.image)),
        warnings=_warnings(spec.attached_disks or []),
    )
    ask = Ask("CREATE_VM", EntityKind.VM, vm.id, project.id)
    return await submitted(plane, call, ask, job, _writes(vm, nics, parts))


async def _parts(
    plane: Plane, spec: VmCreateSpec, affinities: tuple[Affinity, ...], project_id: str
) -> _Parts:
    assert spec.source_image_id is not None
    assert spec.attached_disks is not None
    names = {disk.flavor for disk in spec.attached_disks}
    return _Parts(
        flavor=await usable_flavor(plane, spec.flavor, FlavorKind.VM),
        disk_flavors={
            name: await usable_flavor(plane, name, FlavorKind.EPHEMERAL_DISK)
            for name in sorted(names)
        },
        image=await usable_image(plane, spec.source_image_id, project_id),
        subnets=await subnets_for(plane, spec.subnets or spec.networks),
        affinities=affinities,
    )


def _vm(
    plane: Plane, spec: VmCreateSpec, parts: _Parts, project_id: str, task_id: str
) -> tuple[Vm, list[Nic]]:
    vm_id = plane.ids.new()
    nics = [
        Nic(
            id=f"{vm_id}/{place}",
            vm_id=vm_id,
            subnet_id=subnet.id,
            network=subnet.port_groups[0],
            mac_address=mac_address(vm_id, place),
        )
        for place, subnet in enumerate(parts.subnets)
    ]
    vm = Vm(
        id=vm_id,
        project_id=project_id,
        name=spec.name,
        flavor_id=parts.flavor.id,
        flavor=parts.flavor.name,
        image_id=parts.image.id,
        cost=parts.flavor.cost,
        cpus=parts.flavor.cpus,
        memory_mib=parts.flavor.memory_mib,
        disks=tuple(_disk(plane, disk, parts) for disk in spec.attached_disks or ()),
        nic_ids=tuple(nic.id for nic in nics),
        tags=tuple(sorted(set(spec.tags or ()))),
        metadata=spec.metadata or {},
        environment=spec.environment or {},
        affinities=parts.affinities,
        task_id=task_id,
    )
    return vm, nics


def _disk(plane: Plane, asked: AttachedDiskCreateSpec, parts: _Parts) -> VmDisk:
    flavor = parts.disk_flavors[asked.flavor]
    boot = bool(asked.boot_disk)
    capacity_gib = parts.image.capacity_gib if boot else asked.capacity_gb or 0
    return VmDisk(
        id=plane.ids.new(),
        name=asked.name,
        kind=FlavorKind.EPHEMERAL_DISK,
        flavor=flavor.name,
        flavor_id=flavor.id,
        capacity_gib=capacity_gib,
        boot=boot,
        state=DiskState.CREATING,
        cost=disk_cost(flavor, capacity_gib),
    )


def mac_address(vm_id: str, place: int) -> str:
    """A locally administered address (IEEE 802, section 8.2), always the same for the same card."""
    digest = hashlib.blake2b(f"{vm_id}/{place}".encode(), digest_size=5).hexdigest()
    return "02:" + ":".join(digest[i : i + 2] for i in range(0, 10, 2))


def _guest(vm: Vm, nics: list[Nic], image: Image) -> GuestSpec:
    settings = {setting.name: setting.default_value for setting in image.settings}
    return GuestSpec(
        vm_id=vm.id,
        name=vm.name,
        cpus=vm.cpus,
        memory_mib=vm.memory_mib,
        datastore_id="",
        image=ImageSource(image.id, image.checksum, image.file_size_bytes, ""),
        disks=tuple(GuestDisk(disk.id, disk.capacity_gib, disk.boot) for disk in vm.disks),
        nics=tuple(GuestNic(nic.network, nic.mac_address) for nic in nics),
        environment={**settings, **vm.environment},
        project_id=vm.project_id,
    )


def _warnings(disks: list[AttachedDiskCreateSpec]) -> tuple[ErrorRecord, ...]:
    if any(disk.boot_disk and disk.capacity_gb is not None for disk in disks):
        said = "the boot disk is as large as its image; the capacityGb given for it is not used"
        return (ErrorRecord("InvalidEntity", said),)
    return ()


def _writes(vm: Vm, nics: list[Nic], parts: _Parts) -> list[Write]:
    flavor_ids = {parts.flavor.id, *(flavor.id for flavor in parts.disk_flavors.values())}
    return [
        Require(PROJECTS, vm.project_id),
        Require(IMAGES, vm.image_id, _READY),
        *(Require(FLAVORS, flavor_id, _READY) for flavor_id in sorted(flavor_ids)),
        *(Require(SUBNETS, subnet.id, _READY) for subnet in parts.subnets),
        Charge(vm.project_id, total(all_costs(vm))),
        Insert(VMS, vm),
        *_membership(vm),
        *(Insert(EPHEMERAL_DISKS, EphemeralDisk(d.id, vm.id, d.flavor_id)) for d in vm.disks),
        *(Insert(NICS, nic) for nic in nics),
    ]


def _membership(vm: Vm) -> list[Write]:
    keys = vm.group_keys
    return [Insert(MEMBERSHIPS, Membership(vm.id, tuple(sorted(keys))))] if keys else []
