"""GET_NETWORKS, GET_MKS_TICKET and GET_CONSOLE_TICKET: questions to a VM's host.

They lock nothing. The answer is the task's resourceProperties.
"""

from __future__ import annotations

from typing import Any, Final

from photon.domain.guest import ConsoleTicket, NetworkConnection
from photon.domain.orders.vm import AskVm, OpenConsole
from photon.sagas.cloud import Cloud
from photon.sagas.locks import nothing_to_unlock
from photon.sagas.refusals import explained
from photon.sagas.whereabouts import host_of
from photon.store.nouns import NICS
from photon.tasks.saga import Plan, Run, Saga, Step

_CONNECTED: Final = {True: "True", False: "False"}


async def get_networks(run: Run[Cloud], order: AskVm) -> tuple[NetworkConnection, ...]:
    return await run(GET_NETWORKS, order)


async def ask_networks(cloud: Cloud, order: AskVm) -> tuple[NetworkConnection, ...]:
    vm = await cloud.vm(order.vm_id)
    host = await host_of(cloud, vm)
    with explained("GET_NETWORKS", vm.id):
        return await cloud.agents.vm_networks(host, vm.id)


async def answer_networks(
    cloud: Cloud, order: AskVm, connections: tuple[NetworkConnection, ...]
) -> Plan:
    vm = await cloud.vm(order.vm_id)
    cards = await cloud.store.find_many(NICS, vm.nic_ids)
    subnets = {card.mac_address: card.subnet_id for card in cards}
    shown = [
        {
            "network": subnets.get(connection.mac_address, connection.network),
            "macAddress": connection.mac_address,
            "ipAddress": connection.ip_address or None,
            "netmask": connection.netmask or None,
            "isConnected": _CONNECTED[connection.connected],
        }
        for connection in connections
    ]
    return Plan(answer={"networkConnections": shown})


async def ask_ticket(cloud: Cloud, order: OpenConsole) -> ConsoleTicket:
    vm = await cloud.vm(order.vm_id)
    host = await host_of(cloud, vm)
    with explained("GET_MKS_TICKET", vm.id):
        return await cloud.agents.console_ticket(host, vm.id, order.kind)


async def answer_ticket(cloud: Cloud, order: OpenConsole, ticket: ConsoleTicket) -> Plan:
    answer: dict[str, Any] = {
        "host": ticket.host,
        "port": ticket.port,
        "cfg_file": "",
        "ticket": ticket.ticket,
        "ssl_thumbprint": ticket.ssl_thumbprint,
    }
    # Beyond the contract: how a WebSocket client gets in.
    answer["path"] = ticket.path
    answer["url"] = f"ws://{ticket.host}:{ticket.port}{ticket.path}?ticket={ticket.ticket}"
    answer["validSeconds"] = ticket.valid_seconds
    return Plan(answer=answer)


GET_NETWORKS = Step("GET_NETWORKS", ask_networks)


def _ticket_saga(operation: str) -> Saga[Cloud, Any, Any]:
    step = Step(operation, ask_ticket)

    async def get_ticket(run: Run[Cloud], order: OpenConsole) -> ConsoleTicket:
        return await run(step, order)

    return Saga(
        operation=operation,
        order=OpenConsole,
        shown=(operation,),
        body=get_ticket,
        finish=answer_ticket,
        fail=nothing_to_unlock,
        steps=(step,),
    )


SAGAS: Final[tuple[Saga[Cloud, Any, Any], ...]] = (
    Saga(
        operation="GET_NETWORKS",
        order=AskVm,
        shown=("GET_NETWORKS",),
        body=get_networks,
        finish=answer_networks,
        fail=nothing_to_unlock,
        steps=(GET_NETWORKS,),
    ),
    _ticket_saga("GET_MKS_TICKET"),
    _ticket_saga("GET_CONSOLE_TICKET"),
)
