"""Disks: persistent ones by themselves; ephemeral ones are only shown."""

from __future__ import annotations

import msgspec

from photon.api.found import the_disk, the_kept_project, the_project, the_vm
from photon.api.handlers.lookups import affinities_of, usable_flavor
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery, NoQuery, StateQuery
from photon.api.submit import Ask, Job, refused, submitted
from photon.api.task_lists import tasks_of
from photon.api.views.vm import disk_view, ephemeral_disk_view
from photon.api.watching import Listed, listed
from photon.domain.affinity import Affinity, AffinityKind
from photon.domain.demand import Demand, DiskDemand
from photon.domain.disk import DISK_OPERATION_FROM, DiskOperation, DiskState, PersistentDisk
from photon.domain.error_catalogue import (
    ConcurrentTask,
    DiskNotFound,
    InvalidEntity,
    StateError,
)
from photon.domain.flavor import Flavor, FlavorKind, disk_cost
from photon.domain.kinds import EntityKind
from photon.domain.orders.disk import CreateDisk, DeleteDisk
from photon.domain.readiness import Readiness
from photon.store.nouns import DISKS, EPHEMERAL_DISKS, FLAVORS, PROJECTS, VMS
from photon.store.protocol import Charge, Insert, Require, Update, Write
from photon.wire.v1 import disk as wire
from photon.wire.v1.task import Task

Plain = Call[NoQuery, None]


async def create_disk(plane: Plane, call: Call[NoQuery, wire.DiskCreateSpec]) -> Task:
    """Asks for a persistent disk; its quota is charged at once."""
    spec = call.body
    affinities = affinities_of(spec.affinities)
    if any(affinity.kind is not AffinityKind.VM for affinity in affinities):
        raise InvalidEntity(problem="a disk can only have affinities of kind vm")
    if len(affinities) > 1:
        raise InvalidEntity(problem="a disk can be near one VM at most")
    plane.runner.admit()
    project = await the_kept_project(plane, call.id)
    flavor = await usable_flavor(plane, spec.flavor, FlavorKind.PERSISTENT_DISK)
    task_id = plane.ids.new()
    disk = PersistentDisk(
        id=plane.ids.new(),
        project_id=project.id,
        name=spec.name,
        flavor_id=flavor.id,
        flavor=flavor.name,
        capacity_gib=spec.capacity_gb,
        cost=disk_cost(flavor, spec.capacity_gb),
        tags=tuple(sorted(set(spec.tags or ()))),
        affinities=affinities,
        task_id=task_id,
    )
    writes: list[Write] = [
        Require(PROJECTS, project.id),
        Require(FLAVORS, flavor.id, {"state": Readiness.READY}),
        Charge(project.id, disk.cost),
        Insert(DISKS, disk),
    ]
    order = CreateDisk(disk.id, disk.capacity_gib, await _demand(plane, disk, flavor, affinities))
    ask = Ask("CREATE_DISK", EntityKind.PERSISTENT_DISK, disk.id, project.id)
    return await submitted(plane, call, ask, Job(task_id, order), writes)


async def _demand(
    plane: Plane, disk: PersistentDisk, flavor: Flavor, affinities: tuple[Affinity, ...]
) -> Demand:
    host_address = None
    for affinity in affinities:
        host_address = (await the_vm(plane, affinity.id)).host_address
    return Demand(
        id=disk.id,
        disks=(DiskDemand(disk.id, disk.capacity_gib, flavor.datastore_tags),),
        project_id=disk.project_id,
        host_address=host_address,
    )


async def list_disks(plane: Plane, call: Call[NamedQuery, None]) -> Listed[wire.PersistentDisk]:
    await the_project(plane, call.id)
    listing = Listing(
        DISKS, disk_view, within={"project_id": call.id}, filters={"name": call.query.name}
    )
    return await listed(plane, call, listing)


async def show_disk(plane: Plane, call: Plain) -> wire.PersistentDisk | wire.EphemeralDisk:
    """A persistent disk, or an ephemeral one when the id is one's."""
    disk = await plane.store.find(DISKS, call.id)
    if disk is not None:
        return disk_view(disk, call.base)
    pointer = await plane.store.find(EPHEMERAL_DISKS, call.id)
    vm = None if pointer is None else await plane.store.find(VMS, pointer.vm_id)
    for ephemeral in () if vm is None else vm.ephemeral_disks:
        if vm is not None and ephemeral.id == call.id:
            return ephemeral_disk_view(ephemeral, vm, call.base)
    raise DiskNotFound(call.id)


async def list_disk_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await the_disk(plane, call.id)
    return await tasks_of(plane, call, EntityKind.PERSISTENT_DISK)


async def delete_disk(plane: Plane, call: Plain) -> Task:
    pointer = await plane.store.find(EPHEMERAL_DISKS, call.id)
    if pointer is not None:
        raise StateError(
            id=call.id,
            entity_kind="ephemeral-disk",
            operation=DiskOperation.DELETE,
            state=DiskState.ATTACHED,
        )
    disk = await the_disk(plane, call.id)
    if disk.state not in DISK_OPERATION_FROM[DiskOperation.DELETE]:
        raise StateError(
            id=disk.id,
            entity_kind="persistent-disk",
            operation=DiskOperation.DELETE,
            state=disk.state,
        )
    ask = Ask("DELETE_DISK", EntityKind.PERSISTENT_DISK, disk.id, disk.project_id)
    if disk.task_id is not None:
        conflict = ConcurrentTask("persistent-disk", disk.id, disk.task_id)
        return await refused(plane, call, ask, conflict)
    job = Job(plane.ids.new(), DeleteDisk(disk.id))
    locked = msgspec.structs.replace(disk, task_id=job.task_id)
    return await submitted(plane, call, ask, job, [Update(DISKS, locked)])
