"""CREATE_DISK and DELETE_DISK: persistent disks by themselves.

step               do                                             undo
RESERVE_RESOURCE   choose a host and a datastore, hold the room   (CREATE_DISK's, or the lease)
CREATE_DISK        make the disk there; a host that refuses is    unmake it, give the hold back
                   an outcome: another is chosen
end                disk -> DETACHED, with its datastore           disk -> ERROR, its quota kept
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Any, Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentUnreachable
from photon.domain.debt import DebtKind
from photon.domain.demand import Demand, Placement
from photon.domain.disk import DiskState, PersistentDisk
from photon.domain.error_catalogue import DiskNotFound
from photon.domain.guest import AgentRefusal, GuestDisk, Refusal
from photon.domain.kinds import EntityKind
from photon.domain.orders.disk import CreateDisk, DeleteDisk
from photon.domain.quota import negated
from photon.domain.task import ErrorRecord
from photon.sagas.cloud import Cloud
from photon.sagas.errors import HostRefused
from photon.sagas.missing import OwedByMissingHost, is_missing, owed
from photon.sagas.refusals import error_of, explained
from photon.sagas.tries import PLACE_AGAIN, PLACEMENT_TRIES_MAX, Tries, address_of, place
from photon.store.endings import tombstone
from photon.store.nouns import DISKS, HOSTS
from photon.store.protocol import Charge, Delete, Update, Write
from photon.store.reaping import reap_flavor
from photon.tasks.saga import Plan, Run, Saga, Step

log = logging.getLogger(__name__)
replace = msgspec.structs.replace


# An agent that no longer serves the host has none of its disks; nobody could delete them else.
_GONE: Final = frozenset({AgentRefusal.DISK_NOT_FOUND, AgentRefusal.HOST_NOT_FOUND})


class DiskOrder(msgspec.Struct, frozen=True):
    demand: Demand
    placement: Placement
    disk: GuestDisk
    fence: int
    shut_out: tuple[HostAddress, ...] = ()


class DiskRefused(msgspec.Struct, frozen=True):
    """Why a host did not take it. `short`: see `photon.sagas.tries`."""

    why: str
    short: bool


class Unmake(msgspec.Struct, frozen=True):
    disk_id: str
    fence: int


async def _disk(cloud: Cloud, disk_id: str) -> PersistentDisk:
    disk = await cloud.store.find(DISKS, disk_id)
    if disk is None:
        raise DiskNotFound(disk_id)
    return disk


async def create_disk(run: Run[Cloud], order: CreateDisk) -> Placement:
    tries = Tries()
    for reserve_resource, create_on_host in _TRIES:
        made = await _chosen(run, order, tries, reserve_resource)
        refused = await run(create_on_host, made)
        if refused is None:
            return made.placement
        run.warn(HostRefused(made.placement.host_address, refused.why))
        tries.refused(made.placement, short=refused.short)
    last = await _chosen(run, order, tries, RESERVE_RESOURCE.of("last"))
    await run(CREATE_DISK_OR_FAIL, last)
    return last.placement


async def _chosen(
    run: Run[Cloud],
    order: CreateDisk,
    tries: Tries,
    reserve_resource: Step[Cloud, Demand, Placement],
) -> DiskOrder:
    demand = tries.next(order.demand)
    placement = await run(reserve_resource, demand)
    run.note(host=placement.host_address, datastore=placement.datastore_id)
    disk = GuestDisk(
        order.disk_id, order.capacity_gib, persistent=True, datastore_id=placement.datastore_id
    )
    return DiskOrder(demand, placement, disk, run.fence, tries.chosen(placement))


async def make(cloud: Cloud, order: DiskOrder) -> DiskRefused | None:
    try:
        await _make(cloud, order)
    except Refusal as refusal:
        if refusal.code not in PLACE_AGAIN:
            raise error_of(refusal, "CREATE_DISK", order.disk.id) from refusal
        short = refusal.code is AgentRefusal.NOT_ENOUGH_DATASTORE
        if not short:
            await _shut_out(cloud, order, address_of(order.placement))
        await cloud.scheduler.refused(order.placement, refusal.code)
        return DiskRefused(refusal.message, short)
    return None


async def make_or_fail(cloud: Cloud, order: DiskOrder) -> None:
    with explained("CREATE_DISK", order.disk.id):
        await _make(cloud, order)


async def _make(cloud: Cloud, order: DiskOrder) -> None:
    for refuser in order.shut_out:
        await _shut_out(cloud, order, refuser)
    await cloud.scheduler.hold(order.demand, order.placement)
    await cloud.agents.create_disk(address_of(order.placement), order.fence, order.disk)
    await cloud.scheduler.confirm(order.demand, order.placement)


async def _shut_out(cloud: Cloud, order: DiskOrder, host: HostAddress) -> None:
    """As for a VM: one that cannot be reached may end up with an orphan, which is swept."""
    with suppress(AgentUnreachable, Refusal):
        await cloud.agents.delete_disk(host, order.fence, order.disk.id)


async def undo_make(cloud: Cloud, order: DiskOrder) -> None:
    """What cannot be unmade because its host is silent goes when the disk is deleted."""
    host = address_of(order.placement)
    try:
        if not await is_missing(cloud, host.host_id):
            await cloud.agents.delete_disk(host, order.fence, order.disk.id)
    except AgentUnreachable:
        log.info("host %s may keep a disk for a while", order.placement.host_id)
    except Refusal as refusal:
        if refusal.code is not AgentRefusal.HOST_NOT_FOUND:
            raise error_of(refusal, "CREATE_DISK", order.disk.id) from refusal
    await cloud.scheduler.release(order.demand.id, order.placement.host_id)


async def finish_create(cloud: Cloud, order: CreateDisk, placement: Placement) -> Plan:
    disk = await _disk(cloud, order.disk_id)
    made = replace(
        disk,
        state=DiskState.DETACHED,
        host_id=placement.host_id,
        datastore_id=placement.datastore_id,
        task_id=None,
    )
    return Plan([Update(DISKS, made)])


async def fail_create(cloud: Cloud, order: CreateDisk, error: ErrorRecord) -> Plan:
    disk = await _disk(cloud, order.disk_id)
    return Plan([Update(DISKS, replace(disk, state=DiskState.ERROR, task_id=None))])


class Unmade(msgspec.Struct, frozen=True):
    """`missing`: the address of the MISSING host that still has the disk."""

    missing: str | None = None


async def delete_disk(run: Run[Cloud], order: DeleteDisk) -> Unmade:
    unmade = await run(DELETE_DISK, Unmake(order.disk_id, run.fence))
    if unmade.missing is not None:
        run.warn(OwedByMissingHost(unmade.missing))
    return unmade


async def unmake(cloud: Cloud, order: Unmake) -> Unmade:
    disk = await _disk(cloud, order.disk_id)
    host = None if disk.host_id is None else await cloud.store.find(HOSTS, disk.host_id)
    if host is None:
        return Unmade()  # It never came to be, or went with its host.
    if await is_missing(cloud, host.id):
        return Unmade(missing=host.address)
    address = HostAddress(host.agent_endpoint, host.id)
    try:
        await cloud.agents.delete_disk(address, order.fence, disk.id)
    except Refusal as refusal:
        if refusal.code not in _GONE:
            raise error_of(refusal, "DELETE_DISK", disk.id) from refusal
    await cloud.scheduler.release(disk.id, host.id)
    return Unmade()


async def finish_delete(cloud: Cloud, order: DeleteDisk, unmade: Unmade) -> Plan:
    disk = await _disk(cloud, order.disk_id)
    writes: list[Write] = [
        Delete(DISKS, disk.id, disk.generation),
        Charge(disk.project_id, negated(disk.cost)),
        tombstone(EntityKind.PERSISTENT_DISK, disk.id, cloud.clock.now_ms(), disk.project_id),
        reap_flavor(disk.flavor_id),
    ]
    if unmade.missing is not None and disk.host_id is not None:
        writes += await owed(cloud, disk.host_id, DebtKind.DISK, disk.id)
    return Plan(writes)


async def unlock(cloud: Cloud, order: DeleteDisk, error: ErrorRecord) -> Plan:
    disk = await _disk(cloud, order.disk_id)
    return Plan([Update(DISKS, replace(disk, task_id=None))])


RESERVE_RESOURCE = Step("RESERVE_RESOURCE", place)
CREATE_DISK = Step("CREATE_DISK", make, undo_make)
CREATE_DISK_OR_FAIL = Step("CREATE_DISK_OR_FAIL", make_or_fail, undo_make, shown="CREATE_DISK")
# The first try has the names that it had when there was but one: tasks that began then go on.
_TRIES: Final = (
    (RESERVE_RESOURCE, CREATE_DISK),
    *[(RESERVE_RESOURCE.of(f"{n}"), CREATE_DISK.of(f"{n}")) for n in range(1, PLACEMENT_TRIES_MAX)],
)
DELETE_DISK = Step("DELETE_DISK", unmake)

SAGAS: Final[tuple[Saga[Cloud, Any, Any], ...]] = (
    Saga(
        operation="CREATE_DISK",
        order=CreateDisk,
        shown=("RESERVE_RESOURCE", "CREATE_DISK"),
        body=create_disk,
        finish=finish_create,
        fail=fail_create,
        steps=(RESERVE_RESOURCE, CREATE_DISK, CREATE_DISK_OR_FAIL),
    ),
    Saga(
        operation="DELETE_DISK",
        order=DeleteDisk,
        shown=("DELETE_DISK",),
        body=delete_disk,
        finish=finish_delete,
        fail=unlock,
        steps=(DELETE_DISK,),
    ),
)
