"""SUSPEND_HOST, RESUME_HOST, ENTER_ and EXIT_MAINTENANCE_MODE, SET_AVAILABILITYZONE.

step                                  do                                               undo
SUSPEND_HOST                          the scheduler places nothing there any more      -
RESUME_HOST                           it does so again                                 -
ENTER_MAINTENANCE_MODE                no VM is there; its agent takes nothing new      -
EXIT_MAINTENANCE_MODE                 its agent takes what comes, the scheduler knows  -
  QUERY_HOST_CHANGE_MODE_TASK_RESULT    (ends with the task)
end                                   the host has its new state                       as it was

A host that is SUSPENDED keeps an agent in its normal mode: what runs there is left alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentUnreachable
from photon.domain.error_catalogue import HostHasVms
from photon.domain.guest import HostMode
from photon.domain.host import Host, HostOperation, HostState
from photon.domain.orders.host import HostOrder
from photon.domain.task import ErrorRecord
from photon.sagas.cloud import Cloud
from photon.sagas.errors import AgentNotTold
from photon.sagas.host_turn import HostTurn
from photon.sagas.missing import is_missing, refuse_missing
from photon.sagas.refusals import explained
from photon.store.nouns import HOSTS, VMS
from photon.store.protocol import Update
from photon.tasks.saga import Plan, Run, Saga, Step

replace = msgspec.structs.replace


async def suspend(cloud: Cloud, order: HostTurn) -> None:
    cloud.regard(_next(await cloud.host(order.host_id), HostState.SUSPENDED))


async def resume(cloud: Cloud, order: HostTurn) -> None:
    cloud.regard(_next(await cloud.host(order.host_id), HostState.READY))


async def enter_maintenance(cloud: Cloud, order: HostTurn) -> str | None:
    """Why the agent was not told, if it was not.

    Then the host is off, most likely, which is what many want of it in maintenance. The scheduler
    leaves it alone as it did while it was suspended, and a delete asks for the agent again.
    """
    host = await cloud.host(order.host_id)
    vms = await cloud.store.count(VMS, {"host_id": host.id})
    if vms:
        raise HostHasVms(id=host.id, vm_count=vms)
    if await is_missing(cloud, host.id):
        return "it is MISSING"
    try:
        with explained(HostOperation.ENTER_MAINTENANCE, host.id):
            await cloud.agents.set_mode(_address(host), order.fence, HostMode.MAINTENANCE)
    except AgentUnreachable as silence:
        return str(silence)
    return None


async def exit_maintenance(cloud: Cloud, order: HostTurn) -> None:
    host = await cloud.host(order.host_id)
    await refuse_missing(cloud, host)
    with explained(HostOperation.EXIT_MAINTENANCE, host.id):
        await cloud.agents.set_mode(_address(host), order.fence, HostMode.NORMAL)
        inventory = await cloud.agents.inventory(_address(host))
    await cloud.welcome(_next(host, HostState.READY), inventory)


async def set_zone(cloud: Cloud, order: HostTurn) -> None:
    """The zone was written, for good, with the task; the scheduler knows it before the task ends.

    Nothing here can fail, so that no host is left with a zone and a task that says otherwise.
    """
    host = await cloud.host(order.host_id)
    cloud.regard(_next(host, host.state))


def _next(host: Host, state: HostState) -> Host:
    """The host as the end of its task is about to write it."""
    return replace(host, state=state, task_id=None, generation=host.generation + 1)


def _address(host: Host) -> HostAddress:
    return HostAddress(host.agent_endpoint, host.id)


async def unlock(cloud: Cloud, order: HostOrder, error: ErrorRecord) -> Plan:
    """The host as it was, and free for the next task."""
    return await _end(cloud, order, None)


async def _end(cloud: Cloud, order: HostOrder, state: HostState | None) -> Plan:
    host = await cloud.host(order.host_id)
    return Plan([Update(HOSTS, replace(host, state=state or host.state, task_id=None))])


def _saga(
    operation: str,
    do: Callable[[Cloud, HostTurn], Awaitable[Any]],
    state: HostState | None,
    *more_shown: str,
) -> Saga[Cloud, HostOrder, None]:
    step = Step(operation, do)

    async def body(run: Run[Cloud], order: HostOrder) -> None:
        warning = await run(step, HostTurn(order.host_id, run.fence))
        if warning is not None:
            run.warn(AgentNotTold(warning))

    async def finish(cloud: Cloud, order: HostOrder, result: None) -> Plan:
        return await _end(cloud, order, state)

    return Saga(
        operation=operation,
        order=HostOrder,
        shown=(operation, *more_shown),
        body=body,
        finish=finish,
        fail=unlock,
        steps=(step,),
    )


_QUERY: Final = "QUERY_HOST_CHANGE_MODE_TASK_RESULT"

SAGAS: Final[tuple[Saga[Cloud, Any, Any], ...]] = (
    _saga(HostOperation.SUSPEND, suspend, HostState.SUSPENDED, _QUERY),
    _saga(HostOperation.RESUME, resume, HostState.READY, _QUERY),
    _saga(HostOperation.ENTER_MAINTENANCE, enter_maintenance, HostState.MAINTENANCE, _QUERY),
    _saga(HostOperation.EXIT_MAINTENANCE, exit_maintenance, HostState.READY, _QUERY),
    _saga("SET_AVAILABILITYZONE", set_zone, None),
)
