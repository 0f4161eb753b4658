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
from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.disk import DiskState, VmDisk
from photon.domain.guest import AgentRefusal, GuestSpec, Refusal
from photon.domain.orders.vm import CreateVm
from photon.domain.task import ErrorRecord
from photon.domain.vm import STATE_OF_GUEST, Vm, VmState
from photon.sagas.cloud import Cloud
from photon.sagas.errors import HostRefused
from photon.sagas.missing import is_missing
from photon.sagas.refusals import error_of
from photon.scheduler.sentence import error_of as no_placement_error
from photon.store.memberships import placed_member
from photon.store.nouns import VMS
from photon.store.protocol import Update
from photon.tasks.saga import Plan, Run, Saga, Step

PLACEMENT_TRIES_MAX: Final = 5  # A host that filled up twice is luck; five times is a full cloud.

# Refusals that say "not here", as against "not like this": another host may well take it.
_PLACE_AGAIN: Final = frozenset(
    {
        AgentRefusal.NOT_ENOUGH_CPU,
        AgentRefusal.NOT_ENOUGH_MEMORY,
        AgentRefusal.NOT_ENOUGH_DATASTORE,
        AgentRefusal.DATASTORE_NOT_FOUND,
        AgentRefusal.NETWORK_NOT_FOUND,
        AgentRefusal.WRONG_MODE,
        AgentRefusal.HOST_NOT_FOUND,
        AgentRefusal.BUSY,
    }
)

log = logging.getLogger(__name__)
replace = msgspec.structs.replace


class GuestOrder(msgspec.Struct, frozen=True):
    """One guest on one host. The fence is the task owner's, so an adopter's order outranks it."""

    demand: Demand
    placement: Placement
    spec: GuestSpec
    fence: int


class Outcome(msgspec.Struct, frozen=True):
    """`refusal` is why the host did not take it; None when it did."""

    state: VmState
    refusal: str | None = None


async def create_vm(run: Run[Cloud], order: CreateVm) -> tuple[Placement, Outcome]:
    refused: frozenset[str] = frozenset()
    for reserve_resource, create_on_host in _TRIES:
        demand = replace(order.demand, hosts_excluded=refused)
        placement = await run(reserve_resource, demand)
        run.note(
            host=placement.host_address,
            datastore=placement.datastore_id,
            why=placement.in_short(),
        )
        guest = GuestOrder(demand, placement, _placed(order.spec, placement), run.fence)
        outcome = await run(create_on_host, guest)
        if outcome.refusal is None:
            return placement, outcome
        run.warn(HostRefused(placement.host_address, outcome.refusal))
        refused |= {placement.host_id}
    demand = replace(order.demand, hosts_excluded=refused)
    placement = await run(RESERVE_RESOURCE.of("last"), demand)
    guest = GuestOrder(demand, placement, _placed(order.spec, placement), run.fence)
    return placement, await run(CREATE_VM_OR_FAIL, guest)


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


async def reserve(cloud: Cloud, demand: Demand) -> Placement:
    placement = await cloud.scheduler.place(demand)
    if isinstance(placement, NoPlacement):
        raise no_placement_error(demand, placement)
    return placement


async def make_guest(cloud: Cloud, order: GuestOrder) -> Outcome:
    try:
        return await _make(cloud, order)
    except Refusal as refusal:
        if refusal.code not in _PLACE_AGAIN:
            raise error_of(refusal, "CREATE_VM", order.spec.vm_id) from refusal
        await _shut_out(cloud, order)
        await cloud.scheduler.refused(order.placement, refusal.code)
        return Outcome(VmState.CREATING, refusal.message)


async def make_guest_or_fail(cloud: Cloud, order: GuestOrder) -> Outcome:
    try:
        return await _make(cloud, order)
    except Refusal as refusal:
        raise error_of(refusal, "CREATE_VM", order.spec.vm_id) from refusal


async def _make(cloud: Cloud, order: GuestOrder) -> Outcome:
    await cloud.scheduler.hold(order.demand, order.placement)
    host = HostAddress(order.placement.agent_endpoint, order.placement.host_id)
    image = replace(order.spec.image, url=cloud.image_url(order.spec.image.id))
    spec = replace(order.spec, image=image)
    guest = await cloud.agents.create_vm(host, order.fence, spec, IMAGE_SECONDS)
    await cloud.scheduler.confirm(order.demand, order.placement)
    return Outcome(STATE_OF_GUEST[guest.state])


async def _shut_out(cloud: Cloud, order: GuestOrder) -> None:
    """Lets no earlier owner's create through to a host that refused, now that another is tried.

    A host that is silent or will not hear of it may end up with an orphan, which is swept.
    """
    with suppress(AgentUnreachable, Refusal):
        await _delete(cloud, order)


async def unmake_guest(cloud: Cloud, order: GuestOrder) -> None:
    """What cannot be unmade because its host is silent, the sweeper of orphans unmakes later."""
    try:
        if not await is_missing(cloud, order.placement.host_id):
            await _delete(cloud, order)
    except AgentUnreachable:
        log.info("host %s may keep a guest for a while", order.placement.host_id)
    except Refusal as refusal:
        if refusal.code is not AgentRefusal.HOST_NOT_FOUND:
            raise error_of(refusal, "CREATE_VM", order.spec.vm_id) from refusal
    await cloud.scheduler.release(order.demand.id, order.placement.host_id)


async def _delete(cloud: Cloud, order: GuestOrder) -> None:
    host = HostAddress(order.placement.agent_endpoint, order.placement.host_id)
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


RESERVE_RESOURCE = Step("RESERVE_RESOURCE", reserve)
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
