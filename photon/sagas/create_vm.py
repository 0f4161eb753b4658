"""CREATE_VM: gives a VM that is CREATING a host, and leaves it STOPPED there.

step               do                                             undo
RESERVE_RESOURCE   choose a host and hold the demand there        (CREATE_VM's, or the lease's end)
CREATE_VM          make the guest on that host; a host that       unmake it there, give the hold
                   refuses is an outcome: another is chosen       back
end                record host and datastore; VM -> STOPPED       VM -> ERROR, its quota kept
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentUnreachable
from photon.agent_client.protocol import IMAGE_SECONDS
from photon.domain.demand import Demand, Placement
from photon.domain.disk import DiskState, VmDisk
from photon.domain.guest import AgentRefusal, GuestSpec, Refusal
from photon.domain.orders.vm import CreateVm
from photon.domain.task import ErrorRecord
from photon.domain.vm import STATE_OF_GUEST, Vm, VmState
from photon.sagas.cloud import Cloud
from photon.sagas.errors import HostRefused
from photon.sagas.missing import is_missing
from photon.sagas.refusals import error_of
from photon.sagas.tries import PLACE_AGAIN, PLACEMENT_TRIES_MAX, Tries, address_of, place
from photon.store.memberships import placed_member
from photon.store.nouns import VMS
from photon.store.protocol import Update
from photon.tasks.saga import Plan, Run, Saga, Step

log = logging.getLogger(__name__)
replace = msgspec.structs.replace


class GuestOrder(msgspec.Struct, frozen=True):
    """One guest on one host. The fence is the task owner's, so an adopter's order outranks it."""

    demand: Demand
    placement: Placement
    spec: GuestSpec
    fence: int
    shut_out: tuple[HostAddress, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """`refusal` is why the host did not take it; None when it did. `short`: one of its datastores
    lacked room, and it has not been shut out."""

    state: VmState
    refusal: str | None = None
    short: bool = False


async def create_vm(run: Run[Cloud], order: CreateVm) -> tuple[Placement, Outcome]:
    tries = Tries()
    for reserve_resource, create_on_host in _TRIES:
        guest = await _chosen(run, order, tries, reserve_resource)
        placement = guest.placement
        outcome = await run(create_on_host, guest)
        if outcome.refusal is None:
            return placement, outcome
        run.warn(HostRefused(placement.host_address, outcome.refusal))
        tries.refused(placement, short=outcome.short)
    guest = await _chosen(run, order, tries, RESERVE_RESOURCE.of("last"))
    return guest.placement, await run(CREATE_VM_OR_FAIL, guest)


async def _chosen(
    run: Run[Cloud], order: CreateVm, tries: Tries, reserve_resource: Step[Cloud, Demand, Placement]
) -> GuestOrder:
    demand = tries.next(order.demand)
    placement = await run(reserve_resource, demand)
    run.note(
        host=placement.host_address,
        datastore=placement.datastore_id,
        why=placement.in_short(),
    )
    spec = _placed(order.spec, placement)
    return GuestOrder(demand, placement, spec, run.fence, tries.chosen(placement))


def _placed(spec: GuestSpec, placement: Placement) -> GuestSpec:
    chosen = {disk.disk_id: disk.datastore_id for disk in placement.disks}
    return replace(
        spec,
        datastore_id=placement.datastore_id,
        disks=tuple(
            replace(disk, datastore_id=chosen.get(disk.id, placement.datastore_id))
            for disk in spec.disks
        ),
    )


async def make_guest(cloud: Cloud, order: GuestOrder) -> Outcome:
    try:
        return await _make(cloud, order)
    except Refusal as refusal:
        if refusal.code not in PLACE_AGAIN:
            raise error_of(refusal, "CREATE_VM", order.spec.vm_id) from refusal
        short = refusal.code is AgentRefusal.NOT_ENOUGH_DATASTORE
        if not short:
            await _shut_out(cloud, order, address_of(order.placement))
        await cloud.scheduler.refused(order.placement, refusal.code)
        return Outcome(VmState.CREATING, refusal.message, short)


async def make_guest_or_fail(cloud: Cloud, order: GuestOrder) -> Outcome:
    try:
        return await _make(cloud, order)
    except Refusal as refusal:
        raise error_of(refusal, "CREATE_VM", order.spec.vm_id) from refusal


async def _make(cloud: Cloud, order: GuestOrder) -> Outcome:
    for refuser in order.shut_out:
        await _shut_out(cloud, order, refuser)
    await cloud.scheduler.hold(order.demand, order.placement)
    host = address_of(order.placement)
    image = replace(order.spec.image, url=cloud.image_url(order.spec.image.id))
    spec = replace(order.spec, image=image)
    guest = await cloud.agents.create_vm(host, order.fence, spec, IMAGE_SECONDS)
    await cloud.scheduler.confirm(order.demand, order.placement)
    return Outcome(STATE_OF_GUEST[guest.state])


async def _shut_out(cloud: Cloud, order: GuestOrder, host: HostAddress) -> None:
    """Lets no earlier owner's create through to a host that refused, now that another is tried.

    A host that is silent or will not hear of it may end up with an orphan, which is swept.
    """
    with suppress(AgentUnreachable, Refusal):
        await _delete(cloud, order, host)


async def unmake_guest(cloud: Cloud, order: GuestOrder) -> None:
    """What cannot be unmade because its host is silent, the sweeper of orphans unmakes later."""
    try:
        if not await is_missing(cloud, order.placement.host_id):
            await _delete(cloud, order, address_of(order.placement))
    except AgentUnreachable:
        log.info("host %s may keep a guest for a while", order.placement.host_id)
    except Refusal as refusal:
        if refusal.code is not AgentRefusal.HOST_NOT_FOUND:
            raise error_of(refusal, "CREATE_VM", order.spec.vm_id) from refusal
    await cloud.scheduler.release(order.demand.id, order.placement.host_id)


async def _delete(cloud: Cloud, order: GuestOrder, host: HostAddress) -> None:
    await cloud.agents.delete_vm(host, order.fence, order.spec.vm_id, force=True)


async def finish(cloud: Cloud, order: CreateVm, result: tuple[Placement, Outcome]) -> Plan:
    placement, outcome = result
    vm = await cloud.vm(order.demand.id)
    made = replace(
        vm,
        state=outcome.state,
        host_id=placement.host_id,
        host_address=placement.host_address,
        datastore_id=placement.datastore_id,
        disks=_disks_in(vm, DiskState.ATTACHED),
        task_id=None,
    )
    return Plan([Update(VMS, made), *await placed_member(cloud.store, made)])


async def fail(cloud: Cloud, order: CreateVm, error: ErrorRecord) -> Plan:
    vm = await cloud.vm(order.demand.id)
    disks = _disks_in(vm, DiskState.ERROR)
    return Plan([Update(VMS, replace(vm, state=VmState.ERROR, disks=disks, task_id=None))])


def _disks_in(vm: Vm, state: DiskState) -> tuple[VmDisk, ...]:
    return tuple(replace(disk, state=state) for disk in vm.disks)


RESERVE_RESOURCE = Step("RESERVE_RESOURCE", place)
CREATE_VM = Step("CREATE_VM", make_guest, unmake_guest)
CREATE_VM_OR_FAIL = Step("CREATE_VM_OR_FAIL", make_guest_or_fail, unmake_guest, shown="CREATE_VM")
_TRIES: Final = tuple(
    [(RESERVE_RESOURCE.of(f"{n}"), CREATE_VM.of(f"{n}")) for n in range(PLACEMENT_TRIES_MAX)]
)

SAGA = Saga(
    operation="CREATE_VM",
    order=CreateVm,
    shown=("RESERVE_RESOURCE", "CREATE_VM"),
    body=create_vm,
    finish=finish,
    fail=fail,
    steps=(RESERVE_RESOURCE, CREATE_VM, CREATE_VM_OR_FAIL),
)
