"""Where VMs are and would be: explained, tried out, and counted. Nothing here changes anything."""

from __future__ import annotations

from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Reply
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.ledger import Json
from photon.workload.model import UNLIMITED, judge_there, unexpected
from photon.workload.operations.vms import GIB, LEAVING, a_vm, judge_zone, spec_of, surely_ready
from photon.workload.things import Project, Vm

QUOTA: Final = "QUOTA"
COUNT_MAX: Final = 40  # Some of these fit into a small cloud, and some do not.
_BASE: Final = {"GB": GIB, "MB": GIB / 1024, "KB": GIB / 1024**2, "B": 1.0, "COUNT": 1.0}


async def explain_placement(client: Client) -> None:
    """The explanation names the host that the VM is on."""
    vm = client.some(client.model.vms)
    if vm is None:
        return
    shown = await client.look(client.model.vms, vm, f"/v1/vms/{vm.id}")
    reply = await client.caller.get(f"/v1/vms/{vm.id}/placement", vm.id)
    if shown is None or not reply.status:
        return
    host = shown.body["host"]
    if reply.code == "NotFound":
        if host and vm.life.surely(reply.span):
            raise unexpected(reply, f"why VM {vm.id} is on {host}", vm.id)
        return
    if not judge_there("VM", vm, reply):
        return
    told = reply.body
    if told["vmId"] != vm.id or (host and told["host"] != host):
        text = f"VM {vm.id} is on {host}, and its placement is explained by {told}"
        raise Broken(Promise.READS_SEE_WRITES, text, vm.id)
    if not told["levels"] or not told["datastore"]:
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, f"VM {vm.id} is where it is: {told}", vm.id)


async def try_out(client: Client) -> None:
    """A create that is not one: it is refused as it would be, and makes nothing."""
    vm = a_vm(client)
    if vm is None:
        return
    path = f"/v1/projects/{vm.project.id}/vms?dry_run=true"
    reply = await client.caller.post(path, spec_of(client, vm), vm.project.id)
    if not reply.status:
        return
    _judge_names(vm, reply)
    client.model.judge_charge(vm.project, vm, reply)
    if reply.ok:
        _judge_answer(client, vm, reply)


def _judge_names(vm: Vm, reply: Reply) -> None:
    """What it names is looked up as it was a moment ago: so only refusals are judged."""
    named = (vm.project, vm.image, *vm.flavors, *vm.subnets)
    if reply.code in LEAVING and all(surely_ready(thing, reply.span) for thing in named):
        raise unexpected(reply, f"a trial of what is there ({vm.name})", vm.project.id)


def _judge_answer(client: Client, vm: Vm, reply: Reply) -> None:
    told: Json = reply.body
    cost = {item["key"]: item["value"] * _BASE[item["unit"]] for item in told["cost"]}
    wanted = {key: amount for key, amount in vm.cost.items() if amount}
    if {key: amount for key, amount in cost.items() if amount} != wanted:
        text = f"a VM of {wanted} would cost {cost}"
        raise Broken(Promise.QUOTA_ADDS_UP, text, vm.project.id)
    if told["fits"] != (told["host"] is not None) or told["fits"] != (told["error"] is None):
        text = f"a trial says both that it fits and that it does not: {told}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text, vm.project.id)
    if told["fits"]:
        judge_host_known(client, told["host"], reply.span)
        judge_zone(client, vm, told["host"], reply.span)


def judge_host_known(client: Client, address: str, span: Span) -> None:
    """Raises Broken: there was no such host, or it was not one that takes VMs."""
    if not client.site.alone:
        return
    if not any(h.name == address and h.life.asked <= span.end for h in client.model.hosts):
        text = f"a VM would go to {address}, where no host is"
        raise Broken(Promise.NOTHING_FROM_NOWHERE, text)


async def ask_capacity(client: Client) -> None:
    """How many more would fit: by quota, what the model says; in all, the least of both."""
    vm = a_vm(client)
    if vm is None:
        return
    spec = spec_of(client, vm)
    count = client.random.choice((None, client.random.randint(1, COUNT_MAX)))
    names = ("flavor", "sourceImageId", "attachedDisks", "subnets")
    body = {name: spec[name] for name in names if name in spec}
    body |= {"count": count} if count else {}
    path = f"/v1/projects/{vm.project.id}/capacity"
    reply = await client.caller.post(path, body, vm.project.id)
    if not reply.status:
        return
    _judge_names(vm, reply)
    if reply.ok:
        _judge_capacity(client, vm.project, vm, reply)


def _judge_capacity(client: Client, project: Project, vm: Vm, reply: Reply) -> None:
    told, count = reply.body, reply.body["count"]
    within = UNLIMITED if told["withinQuota"] is None else told["withinQuota"]
    if count != min(told["onHosts"], within):
        text = f"{count} fit, {told['onHosts']} on hosts and {within:g} within the quota"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text, project.id)
    if told["fits"] is not (None if told["asked"] is None else told["asked"] <= count):
        text = f"{told['asked']} fit: {told['fits']}; and {count} do"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text, project.id)
    room = client.model.room(project, vm.cost, reply.span)
    if room is not None and not room[0] <= within <= room[1]:
        text = f"{within:g} more of {vm.cost} are said to be within the quota, not {room}"
        raise Broken(Promise.QUOTA_ADDS_UP, text, project.id)
    what = None if told["runsOutFirst"] is None else told["runsOutFirst"]["what"]
    if (what == QUOTA) != (within < told["onHosts"]):
        text = f"{what} is said to run out first: {told}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text, project.id)


async def set_strategy(client: Client) -> None:
    """How a project's VMs are spread from now on."""
    project = client.some(client.model.projects)
    if project is None:
        return
    strategy = client.random.choice(("SPREAD", "PACK"))
    change = project.strategy.begin(client.history.tick(), lambda _: strategy)
    way = ("POST", f"/v1/projects/{project.id}/set_placement")
    reply = await client.change(client.model.projects, project, way, {"strategy": strategy})
    if reply.ok:
        client.caller.task_in(reply)
        project.strategy.done(change, client.history.tick())
    elif reply.refused:
        project.strategy.refused(change, client.history.tick())
