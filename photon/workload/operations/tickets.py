"""Consoles: tickets for a VM's screen and its serial line, each good for one connection."""

from __future__ import annotations

from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.ledger import Json
from photon.workload.model import judge_there, unexpected
from photon.workload.things import Vm

STARTED, STOPPED = "STARTED", "STOPPED"
_WAYS: Final = (
    ("GET", "mks_ticket", True),
    ("POST", "console_ticket?kind=vnc", True),
    ("POST", "console_ticket?kind=serial", False),
    ("POST", "console_ticket", False),
)


async def get_ticket(client: Client) -> None:
    """Only a VM that runs has a screen; and no ticket is given twice."""
    vm = client.some(client.model.vms)
    if vm is None:
        return
    method, name, screen = client.random.choice(_WAYS)
    begin = client.history.tick()
    path = f"/v1/vms/{vm.id}/{name}"
    if method == "GET":
        reply = await client.caller.get(path, vm.id)
    else:
        reply = await client.caller.post(path, None, vm.id)
    if not reply.status or (not judge_there("VM", vm, reply) and reply.code != "InvalidVmState"):
        return
    states = vm.state.during(Span(begin, reply.span.end))
    if states is not None and screen and reply.code == "InvalidVmState" and states == {STARTED}:
        if not client.site.guests_die:
            raise unexpected(reply, f"a ticket for VM {vm.id}, which runs", vm.id)
        vm.state.put(reply.span.end, frozenset({STOPPED}))
    if states is not None and screen and reply.ok and STARTED not in states:
        text = f"a ticket for the screen of VM {vm.id} was asked for, being {sorted(states)}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, vm.id)
    if reply.ok:
        task = client.caller.task_in(reply)
        ended = await client.caller.ended(task, vm.id)
        if ended is not None and ended["state"] == "COMPLETED":
            _judge_ticket(client, vm, ended)


def _judge_ticket(client: Client, vm: Vm, task: Json) -> None:
    answer: Json = task["resourceProperties"]
    if not (answer["host"] and answer["port"] > 0 and answer["ticket"]):
        text = f"the ticket of task {task['id']} leads nowhere: {answer}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text, vm.id, str(task["id"]))
    client.caller.desk.ledger.new_id(f"ticket {answer['ticket']}", str(task["id"]))
