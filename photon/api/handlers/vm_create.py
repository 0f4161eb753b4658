"""POST /v1/projects/{id}/vms: checks everything, then asks for the VM in one write-set.

The checks come in the contract's order (7.4): disks, boot disk, image, affinities, then what the
names stand for. What was read is named again as a condition of the write-set, so that an image or
a flavor that is deleted meanwhile makes the handler look again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from photon.api.found import the_disk, the_project
from photon.api.handlers.lookups import affinities_of, usable_flavor, usable_image, usable_zone
from photon.api.handlers.networks import subnets_for
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery
from photon.api.submit import Ask, Job, submitted
from photon.domain.affinity import Affinity, AffinityKind
from photon.domain.demand import Demand, DiskDemand
from photon.domain.disk import DiskState, EphemeralDisk, VmDisk
from photon.domain.error_catalogue import InvalidEntity
from photon.domain.flavor import Flavor, FlavorKind, disk_cost
from photon.domain.guest import GuestDisk, GuestNic, GuestSpec, ImageSource
from photon.domain.image import Image
from photon.domain.kinds import EntityKind
from photon.domain.orders.vm import CreateVm
from photon.domain.quota import total
from photon.domain.readiness import Readiness
from photon.domain.subnet import Subnet
from photon.domain.task import ErrorRecord
from photon.domain.vm import Nic, Vm, all_costs
from photon.domain.vm_spec import check_affinities, check_disks, check_environment
from photon.store.nouns import EPHEMERAL_DISKS, FLAVORS, IMAGES, NICS, PROJECTS, SUBNETS, VMS
from photon.store.protocol import Charge, Insert, Require, Write
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


async def create_vm(plane: Plane, call: Call[NoQuery, VmCreateSpec]) -> Task:
    """Asks for a VM: its quota is charged, its row is CREATING and its saga runs, or nothing is."""
    spec = call.body
    check_disks(spec.attached_disks)
    if not spec.source_image_id:
        raise InvalidEntity(problem="No sourceImageId is specified; name the image to boot from")
    affinities = affinities_of(spec.affinities)
    check_affinities(affinities)
    check_environment(spec.environment)
    plane.runner.admit()
    project = await the_project(plane, call.id)
    parts = await _parts(plane, spec, affinities, project.id)
    task_id = plane.ids.new()
    vm, nics = _vm(plane, spec, parts, project.id, task_id)
    job = Job(
        task_id,
        CreateVm(await _demand(plane, vm, nics, parts), _guest(vm, nics, parts.image)),
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


async def _demand(plane: Plane, vm: Vm, nics: list[Nic], parts: _Parts) -> Demand:
    named = {affinity.kind: affinity.id for affinity in vm.affinities}
    zone_id = named.get(AffinityKind.AVAILABILITY_ZONE)
    if zone_id is not None:
        await usable_zone(plane, zone_id)
    port_groups = [a.id for a in vm.affinities if a.kind is AffinityKind.PORT_GROUP]
    disks = [
        await the_disk(plane, affinity.id)
        for affinity in vm.affinities
        if affinity.kind is AffinityKind.DISK
    ]
    tags = {name: flavor.datastore_tags for name, flavor in parts.disk_flavors.items()}
    return Demand(
        id=vm.id,
        cpus=vm.cpus,
        memory_mib=vm.memory_mib,
        disks=tuple(DiskDemand(d.id, d.capacity_gib, tags[d.flavor]) for d in vm.disks),
        project_id=vm.project_id,
        networks=tuple(dict.fromkeys([*(nic.network for nic in nics), *port_groups])),
        zone_id=zone_id,
        host_address=named.get(AffinityKind.HOST),
        datastore_id=named.get(AffinityKind.DATASTORE),
        datastore_type=named.get(AffinityKind.DATASTORE_TYPE),
        datastores_reached=frozenset(disk.datastore_id for disk in disks if disk.datastore_id),
        image_checksum=parts.image.checksum,
    )


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
        *(Insert(EPHEMERAL_DISKS, EphemeralDisk(d.id, vm.id, d.flavor_id)) for d in vm.disks),
        *(Insert(NICS, nic) for nic in nics),
    ]
