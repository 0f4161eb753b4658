"""Reads one thing that a request names, or says that it is not there."""

from __future__ import annotations

from photon.api.plane import Plane
from photon.domain.disk import PersistentDisk
from photon.domain.error_catalogue import (
    DiskNotFound,
    FlavorNotFound,
    NetworkNotFound,
    NotFound,
    VmNotFound,
    ZoneNotFound,
)
from photon.domain.flavor import Flavor
from photon.domain.project import Project
from photon.domain.subnet import Subnet
from photon.domain.tenant import Tenant
from photon.domain.vm import Vm
from photon.domain.zone import Zone
from photon.store.nouns import DISKS, FLAVORS, PROJECTS, SUBNETS, TENANTS, VMS, ZONES


async def the_tenant(plane: Plane, id: str) -> Tenant:
    tenant = await plane.store.find(TENANTS, id)
    if tenant is None:
        raise NotFound("Tenant", id)
    return tenant


async def the_project(plane: Plane, id: str) -> Project:
    project = await plane.store.find(PROJECTS, id)
    if project is None:
        raise NotFound("Project", id)
    return project


async def the_kept_project(plane: Plane, id: str) -> Project:
    """As it was a moment ago: only for a change that names it in a `Require`."""
    project = await plane.kept.find(PROJECTS, id)
    if project is None:
        raise NotFound("Project", id)
    return project


async def the_flavor(plane: Plane, id: str) -> Flavor:
    flavor = await plane.store.find(FLAVORS, id)
    if flavor is None:
        raise FlavorNotFound(id)
    return flavor


async def the_zone(plane: Plane, id: str) -> Zone:
    zone = await plane.store.find(ZONES, id)
    if zone is None:
        raise ZoneNotFound(id)
    return zone


async def the_subnet(plane: Plane, id: str) -> Subnet:
    subnet = await plane.store.find(SUBNETS, id)
    if subnet is None:
        raise NetworkNotFound(id)
    return subnet


async def the_vm(plane: Plane, vm_id: str) -> Vm:
    vm = await plane.store.find(VMS, vm_id)
    if vm is None:
        raise VmNotFound(vm_id)
    return vm


async def the_disk(plane: Plane, disk_id: str) -> PersistentDisk:
    disk = await plane.store.find(DISKS, disk_id)
    if disk is None:
        raise DiskNotFound(disk_id)
    return disk
