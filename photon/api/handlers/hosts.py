"""Hosts: adding, provisioning and removing them, and taking them out of use for a while."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from photon.api.found import the_zone
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery, StateQuery, WatchedQuery
from photon.api.submit import Ask, Job, refused, submitted
from photon.api.task_lists import tasks_of
from photon.api.views.host import host_view
from photon.api.views.vm import vm_view
from photon.api.watching import Listed, listed
from photon.domain.error_catalogue import (
    ConcurrentTask,
    DuplicateHost,
    HostAvailabilityZoneAlreadySet,
    HostHasVms,
    HostNotFound,
    InvalidZoneState,
    StateError,
)
from photon.domain.host import HOST_OPERATION_FROM, Host, HostOperation, HostState
from photon.domain.host_spec import check_metadata
from photon.domain.kinds import EntityKind
from photon.domain.orders.host import DeleteHost, HostOrder
from photon.domain.readiness import Readiness
from photon.store.errors import AlreadyExists
from photon.store.nouns import HOSTS, MISSING_HOSTS, VMS, ZONES
from photon.store.protocol import Insert, Require, Update, Write
from photon.wire.v1 import host as wire
from photon.wire.v1.task import Task
from photon.wire.v1.vm import Vm

Plain = Call[NoQuery, None]
_READY = {"state": Readiness.READY}
replace = msgspec.structs.replace


async def create_host(plane: Plane, call: Call[NoQuery, wire.HostCreateSpec]) -> Task:
    """Adds a host, which must be provisioned before anything is placed on it."""
    spec = call.body
    metadata = spec.metadata or {}
    check_metadata(spec.usage_tags, metadata)
    zone_id = spec.availability_zone or spec.zone or None
    if zone_id is not None:
        await _usable_zone(plane, zone_id)
    job_id = plane.ids.new()
    host = Host(
        id=plane.ids.new(),
        address=spec.address,
        username=spec.username,
        password=spec.password,
        usage_tags=tuple(sorted(set(spec.usage_tags))),
        zone_id=zone_id,
        metadata=metadata,
        task_id=job_id,
    )
    ask = Ask("CREATE_HOST", EntityKind.HOST, host.id)
    try:
        return await submitted(plane, call, ask, Job(job_id, HostOrder(host.id)), _creation(host))
    except AlreadyExists as exists:
        if exists.noun != HOSTS.name:
            raise
        raise DuplicateHost(ip=host.address) from None


def _creation(host: Host) -> list[Write]:
    zone = [] if host.zone_id is None else [Require(ZONES, host.zone_id, _READY)]
    return [*zone, Insert(HOSTS, host)]


async def _usable_zone(plane: Plane, zone_id: str) -> None:
    zone = await the_zone(plane, zone_id)
    if zone.state is not Readiness.READY:
        raise InvalidZoneState(zone.id, zone.state)


async def list_hosts(plane: Plane, call: Call[WatchedQuery, None]) -> Listed[wire.Host]:
    async def views(hosts: Sequence[Host], base: str) -> list[wire.Host]:
        missing = await plane.missing.load()
        rows = await plane.store.find_many(
            MISSING_HOSTS, [host.id for host in hosts if host.id in missing]
        )
        why = {row.id: row for row in rows}
        return [host_view(host, base, why.get(host.id)) for host in hosts]

    listing = Listing(HOSTS, views=views, also=(MISSING_HOSTS.name,))
    return await listed(plane, call, listing)


async def show_host(plane: Plane, call: Plain) -> wire.Host:
    host = await _the_host(plane, call.id)
    return host_view(host, call.base, await plane.store.find(MISSING_HOSTS, host.id))


async def list_host_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await _the_host(plane, call.id)
    return await tasks_of(plane, call, EntityKind.HOST)


async def list_host_vms(plane: Plane, call: Call[WatchedQuery, None]) -> Listed[Vm]:
    await _the_host(plane, call.id)
    view = partial(vm_view, missing=await plane.missing.load())
    return await listed(plane, call, Listing(VMS, view, within={"host_id": call.id}))


async def provision_host(plane: Plane, call: Plain) -> Task:
    """Makes the host ours: its agent is told, and its datastores and networks become known."""
    return await _change(plane, call, HostOperation.PROVISION)


async def suspend_host(plane: Plane, call: Plain) -> Task:
    """No new VM is placed there; those that run go on."""
    return await _change(plane, call, HostOperation.SUSPEND)


async def resume_host(plane: Plane, call: Plain) -> Task:
    return await _change(plane, call, HostOperation.RESUME)


async def enter_host_maintenance(plane: Plane, call: Plain) -> Task:
    """Only from SUSPENDED, and only when no VM is there."""
    host = await _the_host(plane, call.id)
    _check_state(host, HostOperation.ENTER_MAINTENANCE)
    vms = await plane.store.count(VMS, {"host_id": host.id})
    if vms:
        raise HostHasVms(id=host.id, vm_count=vms)
    ask = Ask(HostOperation.ENTER_MAINTENANCE, EntityKind.HOST, host.id)
    return await _locked(plane, call, ask, host, HostOrder(host.id))


async def exit_host_maintenance(plane: Plane, call: Plain) -> Task:
    return await _change(plane, call, HostOperation.EXIT_MAINTENANCE)


async def enter_host_maintenance_as_before(plane: Plane, call: Plain) -> Task:
    """The same, under the name that it had in earlier releases."""
    return await enter_host_maintenance(plane, call)


async def exit_host_maintenance_as_before(plane: Plane, call: Plain) -> Task:
    """The same, under the name that it had in earlier releases."""
    return await exit_host_maintenance(plane, call)


async def set_host_zone(
    plane: Plane, call: Call[NoQuery, wire.HostSetAvailabilityZoneOperation]
) -> Task:
    """Puts the host into an availability zone, once and for good."""
    host = await _the_host(plane, call.id)
    if host.zone_id is not None:
        raise HostAvailabilityZoneAlreadySet(id=host.id, zone_id=host.zone_id)
    zone_id = call.body.availability_zone_id
    await _usable_zone(plane, zone_id)
    ask = Ask("SET_AVAILABILITYZONE", EntityKind.HOST, host.id)
    placed = replace(host, zone_id=zone_id)
    return await _locked(
        plane, call, ask, placed, HostOrder(host.id), Require(ZONES, zone_id, _READY)
    )


async def delete_host(plane: Plane, call: Plain) -> Task:
    """Gives the host back to nobody; a host in ERROR is forgotten even if its agent is silent."""
    host = await _the_host(plane, call.id)
    _check_state(host, HostOperation.DELETE)
    lost = host.state is HostState.ERROR
    order = DeleteHost(host.id, deprovision=host.provisioned or lost, silently=lost)
    steps = () if order.deprovision else ("DELETE_HOST",)
    ask = Ask(HostOperation.DELETE, EntityKind.HOST, host.id, steps=steps)
    return await _locked(plane, call, ask, host, order)


async def _change(plane: Plane, call: Plain, operation: HostOperation) -> Task:
    host = await _the_host(plane, call.id)
    _check_state(host, operation)
    ask = Ask(operation, EntityKind.HOST, host.id)
    return await _locked(plane, call, ask, host, HostOrder(host.id))


async def _locked(
    plane: Plane,
    call: Call[Any, Any],
    ask: Ask,
    host: Host,
    order: msgspec.Struct,
    *conditions: Write,
) -> Task:
    """A saga that alone works on the host, which is written as it is given."""
    if host.task_id is not None:
        return await refused(plane, call, ask, ConcurrentTask("host", host.id, host.task_id))
    job = Job(plane.ids.new(), order)
    locked = Update(HOSTS, replace(host, task_id=job.task_id))
    return await submitted(plane, call, ask, job, [*conditions, locked])


def _check_state(host: Host, operation: HostOperation) -> None:
    if host.state not in HOST_OPERATION_FROM[operation]:
        raise StateError(
            id=host.id, entity_kind=EntityKind.HOST, operation=operation, state=host.state
        )


async def _the_host(plane: Plane, host_id: str) -> Host:
    host = await plane.store.find(HOSTS, host_id)
    if host is None:
        raise HostNotFound(host_id)
    return host
