"""DELETE_HOST: gives a host back, then forgets it.

step                                do                                      undo
DEPROVISION_HOST                    no VM is there; its agent forgets us    -
  QUERY_DEPROVISION_HOST_TASK_RESULT  (ends with the task)
DELETE_HOST                         (ends with the task)
end                                 row gone, with the datastores that no   as it was; ERROR if
                                    other host reaches; tombstone           its agent was silent

The delete of a host that is MISSING, or in ERROR, goes on without its agent: that is how a lost
machine is removed. Should it come back, it owes what is left on it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.domain.debt import DebtKind
from photon.domain.error_catalogue import HostHasVms
from photon.domain.guest import AgentRefusal, Refusal
from photon.domain.host import Host, HostOperation, HostState
from photon.domain.kinds import EntityKind
from photon.domain.orders.host import DeleteHost
from photon.domain.task import ErrorRecord
from photon.sagas.cloud import Cloud
from photon.sagas.errors import HostDeprovisionFailed, HostForgotten
from photon.sagas.missing import becomes_missing, is_missing, owed_by
from photon.sagas.refusals import NotDone, error_of
from photon.store.endings import tombstone
from photon.store.host_reach import leaving_writes, links_of
from photon.store.nouns import DISKS, HOSTS, MISSING_HOSTS, VMS
from photon.store.protocol import Delete, Reap, Update, Write
from photon.store.reaping import reap_zone
from photon.tasks.saga import Plan, Run, Saga, Step


class GiveBack(msgspec.Struct, frozen=True):
    host_id: str
    silently: bool
    fence: int


async def delete_host(run: Run[Cloud], order: DeleteHost) -> str | None:
    if not order.deprovision:
        return None
    silence = await run(DEPROVISION_HOST, GiveBack(order.host_id, order.silently, run.fence))
    if silence is not None:
        run.warn(HostForgotten(silence))
    return silence


async def give_back(cloud: Cloud, order: GiveBack) -> str | None:
    """Why the agent was not told, if it was not and need not be."""
    host = await cloud.host(order.host_id)
    vms = await cloud.store.count(VMS, {"host_id": host.id})
    if vms:
        raise HostHasVms(id=host.id, vm_count=vms)
    if await is_missing(cloud, host.id):
        await _check_no_disks(cloud, host)
        return "it is MISSING"
    try:
        await cloud.agents.deprovision(HostAddress(host.agent_endpoint, host.id), order.fence)
    except Refusal as refusal:
        if refusal.code is not AgentRefusal.HOST_NOT_FOUND:
            raise error_of(refusal, HostOperation.DELETE, host.id) from refusal
    except (AgentUnreachable, AgentFaulty) as problem:
        if not (order.silently or await becomes_missing(cloud, host.id)):
            raise HostDeprovisionFailed(host.address, str(problem)) from problem
        await _check_no_disks(cloud, host)
        return str(problem)
    return None


async def _check_no_disks(cloud: Cloud, host: Host) -> None:
    """An agent that answers refuses by itself. Whose disks are lost must say so, disk by disk."""
    disks = await cloud.store.count(DISKS, {"host_id": host.id})
    if disks:
        problem = f"host {host.address} has {disks} persistent disks; delete them first"
        raise NotDone(id=host.id, problem=problem)


async def finish(cloud: Cloud, order: DeleteHost, silence: str | None) -> Plan:
    host = await cloud.host(order.host_id)
    links = await links_of(cloud.store, host.id)
    writes: list[Write] = [
        Delete(HOSTS, host.id, host.generation),
        Reap(MISSING_HOSTS, host.id, {}, ()),
        *await leaving_writes(cloud.store, links),
        tombstone(EntityKind.HOST, host.id, cloud.clock.now_ms()),
    ]
    if silence is not None and host.provisioned:
        writes += owed_by(cloud, host, DebtKind.HOST, host.id)
    if host.zone_id is not None:
        writes.append(reap_zone(host.zone_id))
    return Plan(writes)


async def fail(cloud: Cloud, order: DeleteHost, error: ErrorRecord) -> Plan:
    host = await cloud.host(order.host_id)
    silent = error.code == HostDeprovisionFailed.code
    return Plan([Update(HOSTS, _left(host, HostState.ERROR if silent else host.state))])


def _left(host: Host, state: HostState) -> Host:
    return msgspec.structs.replace(host, state=state, task_id=None)


DEPROVISION_HOST = Step("DEPROVISION_HOST", give_back)

SAGA: Final[Saga[Cloud, DeleteHost, str | None]] = Saga(
    operation=HostOperation.DELETE,
    order=DeleteHost,
    shown=("DEPROVISION_HOST", "QUERY_DEPROVISION_HOST_TASK_RESULT", "DELETE_HOST"),
    body=delete_host,
    finish=finish,
    fail=fail,
    steps=(DEPROVISION_HOST,),
)
