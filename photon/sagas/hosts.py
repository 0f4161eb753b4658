"""CREATE_HOST and PROVISION_HOST: a host becomes known, then ours.

step                                do                                            undo
CREATE_HOST                         hear its agent                                -
  QUERY_HOST_TASK_RESULT              (ends with the task)
end                                 host -> NOT_PROVISIONED                       host -> ERROR
PROVISION_HOST                      tell its agent that it is ours, learn what    (its deletion)
                                    it has; the scheduler believes in it
  QUERY_PROVISION_HOST_TASK_RESULT    (ends with the task)
end                                 host -> READY, its datastores known           host -> ERROR
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.domain.debt import DebtKind
from photon.domain.error_catalogue import HostProvisionFailed, InvalidLoginCredentials
from photon.domain.errors import PhotonError
from photon.domain.guest import AgentRefusal, HostCapacity, Provision, Refusal
from photon.domain.host import Host, HostOperation, HostState
from photon.domain.host_capacity import check_capacity, equipped
from photon.domain.orders.host import HostOrder
from photon.domain.overcommit import Overcommit
from photon.domain.task import ErrorRecord
from photon.sagas.cloud import Cloud
from photon.sagas.errors import HostNotReached
from photon.sagas.host_turn import HostTurn
from photon.store.host_reach import datastore_writes
from photon.store.nouns import DEBTS, HOSTS
from photon.store.protocol import Update
from photon.tasks.saga import Plan, Run, Saga, Step

replace = msgspec.structs.replace


async def create_host(run: Run[Cloud], order: HostOrder) -> None:
    await run(CREATE_HOST, order)


async def hear(cloud: Cloud, order: HostOrder) -> None:
    host = await cloud.host(order.host_id)
    try:
        await cloud.agents.ping(host.agent_endpoint)
    except (AgentUnreachable, AgentFaulty) as problem:
        raise HostNotReached(host.address, str(problem)) from problem


async def finish_create(cloud: Cloud, order: HostOrder, result: None) -> Plan:
    return Plan([_unlocked(await cloud.host(order.host_id), HostState.NOT_PROVISIONED)])


async def fail(cloud: Cloud, order: HostOrder, error: ErrorRecord) -> Plan:
    return Plan([_unlocked(await cloud.host(order.host_id), HostState.ERROR)])


def _unlocked(host: Host, state: HostState) -> Update[Host]:
    return Update(HOSTS, replace(host, state=state, task_id=None))


async def provision_host(run: Run[Cloud], order: HostOrder) -> HostCapacity:
    return await run(PROVISION_HOST, HostTurn(order.host_id, run.fence))


async def take(cloud: Cloud, order: HostTurn) -> HostCapacity:
    host = await cloud.host(order.host_id)
    try:
        inventory = await cloud.agents.provision(
            host.agent_endpoint, provision_of(host, cloud.overcommit, order.fence)
        )
    except Refusal as refusal:
        raise await _not_taken(cloud, host, refusal) from refusal
    except (AgentUnreachable, AgentFaulty) as problem:
        raise HostProvisionFailed(host.address, str(problem)) from problem
    check_capacity(host, inventory.capacity)
    # Now, because whoever sees the task COMPLETED may ask for a VM at once.
    ready = _as_ready(host, inventory.capacity, generation=host.generation + 1)
    await cloud.welcome(ready, inventory)
    return inventory.capacity


def provision_of(host: Host, usual: Overcommit, fence: int) -> Provision:
    """What a host's agent is told of its terms; `usual` are the deployment's."""
    overcommit = usual.of(host.metadata)
    return Provision(
        host_id=host.id,
        address=host.address,
        username=host.username,
        password=host.password,
        cpu_overcommit=overcommit.cpu,
        memory_overcommit=overcommit.memory,
        allowed_datastores=host.allowed_datastores,
        fence=fence,
    )


async def _not_taken(cloud: Cloud, host: Host, refusal: Refusal) -> PhotonError:
    if refusal.code is AgentRefusal.BAD_CREDENTIALS:
        return InvalidLoginCredentials(host.address)
    before = refusal.facts.get("host_id", "")
    if refusal.code is AgentRefusal.OTHER_PLANE and await cloud.store.count(
        DEBTS, {"host_id": before, "kind": DebtKind.HOST}
    ):
        cause = (
            f"it was removed as host {before} while it was MISSING, and what is left on it is not "
            "cleared yet; delete this host, wait a minute, and add it again"
        )
        return HostProvisionFailed(host.address, cause)
    return HostProvisionFailed(host.address, f"{refusal.message} ({refusal.code})")


def _as_ready(host: Host, capacity: HostCapacity, *, generation: int) -> Host:
    made = equipped(host, capacity)
    return replace(
        made, state=HostState.READY, provisioned=True, task_id=None, generation=generation
    )


async def finish_provision(cloud: Cloud, order: HostOrder, capacity: HostCapacity) -> Plan:
    host = await cloud.host(order.host_id)
    ready = _as_ready(host, capacity, generation=host.generation)
    datastores = await datastore_writes(cloud.store, host.id, capacity.datastores)
    return Plan([Update(HOSTS, ready), *datastores])


CREATE_HOST = Step("CREATE_HOST", hear)
PROVISION_HOST = Step("PROVISION_HOST", take)

SAGAS: Final[tuple[Saga[Cloud, Any, Any], ...]] = (
    Saga(
        operation="CREATE_HOST",
        order=HostOrder,
        shown=("CREATE_HOST", "QUERY_HOST_TASK_RESULT"),
        body=create_host,
        finish=finish_create,
        fail=fail,
        steps=(CREATE_HOST,),
    ),
    Saga(
        operation=HostOperation.PROVISION,
        order=HostOrder,
        shown=("PROVISION_HOST", "QUERY_PROVISION_HOST_TASK_RESULT"),
        body=provision_host,
        finish=finish_provision,
        fail=fail,
        steps=(PROVISION_HOST,),
    ),
)
