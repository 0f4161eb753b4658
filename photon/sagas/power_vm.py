"""START_VM, STOP_VM, RESTART_VM, SUSPEND_VM, RESUME_VM: one step, said to the VM's host.

The API does not check the state: the host has the last word, and says what the state is then.
A failure changes nothing that is stored (contract, 3.1).
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.domain.guest import PowerOp
from photon.domain.orders.vm import PowerVm
from photon.domain.vm import STATE_OF_GUEST, VmState
from photon.sagas.cloud import Cloud
from photon.sagas.locks import unlock_vm
from photon.sagas.refusals import explained
from photon.sagas.whereabouts import host_of
from photon.store.nouns import VMS
from photon.store.protocol import Update
from photon.tasks.saga import Plan, Run, Saga, Step

OPERATIONS: Final = {
    PowerOp.START: "START_VM",
    PowerOp.STOP: "STOP_VM",
    PowerOp.RESTART: "RESTART_VM",
    PowerOp.SUSPEND: "SUSPEND_VM",
    PowerOp.RESUME: "RESUME_VM",
}


class Switch(msgspec.Struct, frozen=True):
    vm_id: str
    op: PowerOp
    fence: int


async def switch(cloud: Cloud, order: Switch) -> VmState:
    operation = OPERATIONS[order.op]
    vm = await cloud.vm(order.vm_id)
    host: HostAddress = await host_of(cloud, vm)
    with explained(operation, vm.id):
        guest = await cloud.agents.power_vm(host, order.fence, vm.id, order.op)
    return STATE_OF_GUEST[guest.state]


async def finish(cloud: Cloud, order: PowerVm, state: VmState) -> Plan:
    vm = await cloud.vm(order.vm_id)
    switched = msgspec.structs.replace(vm, state=state, state_reason=None, task_id=None)
    return Plan([Update(VMS, switched)])


def _saga(op: PowerOp) -> Saga[Cloud, PowerVm, VmState]:
    step = Step(OPERATIONS[op], switch)

    async def power_vm(run: Run[Cloud], order: PowerVm) -> VmState:
        return await run(step, Switch(order.vm_id, order.op, run.fence))

    return Saga(
        operation=OPERATIONS[op],
        order=PowerVm,
        shown=(OPERATIONS[op],),
        body=power_vm,
        finish=finish,
        fail=unlock_vm,
        steps=(step,),
    )


SAGAS: Final = tuple(_saga(op) for op in PowerOp)
