"""DELETE_VM: unmakes the guest, then the VM, its ephemeral disks and its cards.

step        do                                                    undo
DELETE_VM   the host deletes the guest; refused while it runs     -
end         rows gone, quota given back, tombstone; what was      the VM as it was
            PENDING_DELETE and is used no more goes with it

A VM on a MISSING host goes in whatever state it was: nobody could stop it, and its owner is not to
pay for what cannot be used. The host owes the guest's deletion.
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.domain.debt import DebtKind
from photon.domain.guest import AgentRefusal, Refusal
from photon.domain.kinds import EntityKind
from photon.domain.orders.vm import DeleteVm
from photon.domain.quota import negated, total
from photon.domain.vm import Vm, VmState, all_costs
from photon.sagas.cloud import Cloud
from photon.sagas.locks import unlock_vm
from photon.sagas.missing import OwedByMissingHost, is_missing, owed
from photon.sagas.refusals import error_of
from photon.store.endings import tombstone
from photon.store.memberships import forgotten_member
from photon.store.nouns import EPHEMERAL_DISKS, HOSTS, NICS, VMS
from photon.store.protocol import Charge, Delete, Write
from photon.store.reaping import reap_flavor, reap_image, reap_subnet
from photon.tasks.saga import Plan, Run, Saga, Step

# An agent that no longer serves the host has none of its guests; nobody could delete the VM else.
_GONE: Final = frozenset({AgentRefusal.VM_NOT_FOUND, AgentRefusal.HOST_NOT_FOUND})


class Unmake(msgspec.Struct, frozen=True):
    vm_id: str
    fence: int


class Unmade(msgspec.Struct, frozen=True):
    """`missing`: the address of the MISSING host that still has the guest."""

    missing: str | None = None


async def delete_vm(run: Run[Cloud], order: DeleteVm) -> Unmade:
    unmade = await run(DELETE_VM, Unmake(order.vm_id, run.fence))
    if unmade.missing is not None:
        run.warn(OwedByMissingHost(unmade.missing))
    return unmade


async def unmake(cloud: Cloud, order: Unmake) -> Unmade:
    vm = await cloud.vm(order.vm_id)
    if vm.host_id is None:
        return Unmade()  # It never came to be on a host.
    host = await cloud.store.find(HOSTS, vm.host_id)
    if host is None:
        return Unmade()  # The host was removed, and its guests with it.
    if await is_missing(cloud, host.id):
        return Unmade(missing=host.address)
    address = HostAddress(host.agent_endpoint, host.id)
    try:
        await cloud.agents.delete_vm(address, order.fence, vm.id, force=vm.state is VmState.ERROR)
    except Refusal as refusal:
        if refusal.code not in _GONE:
            raise error_of(refusal, "DELETE_VM", vm.id) from refusal
    await cloud.scheduler.release(vm.id, vm.host_id)
    return Unmade()


async def finish(cloud: Cloud, order: DeleteVm, unmade: Unmade) -> Plan:
    vm = await cloud.vm(order.vm_id)
    cards = await cloud.store.find_many(NICS, vm.nic_ids)
    writes: list[Write] = [
        Delete(VMS, vm.id, vm.generation),
        *forgotten_member(vm),
        *(Delete(EPHEMERAL_DISKS, disk.id) for disk in vm.ephemeral_disks),
        *(Delete(NICS, card.id) for card in cards),
        Charge(vm.project_id, negated(total(all_costs(vm)))),
        tombstone(EntityKind.VM, vm.id, cloud.clock.now_ms(), vm.project_id),
        *_reaps(vm, {card.subnet_id for card in cards}),
    ]
    if unmade.missing is not None and vm.host_id is not None:
        writes += await owed(cloud, vm.host_id, DebtKind.VM, vm.id)
    return Plan(writes)


def _reaps(vm: Vm, subnet_ids: set[str]) -> list[Write]:
    flavor_ids = {vm.flavor_id, *(disk.flavor_id for disk in vm.ephemeral_disks)}
    return [
        reap_image(vm.image_id),
        *(reap_flavor(id) for id in sorted(flavor_ids)),
        *(reap_subnet(id) for id in sorted(subnet_ids)),
    ]


DELETE_VM = Step("DELETE_VM", unmake)

SAGA = Saga(
    operation="DELETE_VM",
    order=DeleteVm,
    shown=("DELETE_VM",),
    body=delete_vm,
    finish=finish,
    fail=unlock_vm,
    steps=(DELETE_VM,),
)
