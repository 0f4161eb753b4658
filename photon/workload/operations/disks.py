"""Persistent disks: making, attaching, detaching and deleting them."""

from __future__ import annotations

from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import Cell, Life, Span
from photon.workload.ledger import Json, codes_of
from photon.workload.operations.vms import GIB, judge_creation
from photon.workload.things import Disk, Vm

CREATING, DETACHED, ATTACHED, ERROR = "CREATING", "DETACHED", "ATTACHED", "ERROR"
CAPACITY_GIB_MAX: Final = 4  # Small, so that quotas are met before datastores are full.


async def create_disk(client: Client) -> None:
    model = client.model
    project = client.ready(model.projects)
    flavor = client.some(f for f in model.flavors if f.kind == "persistent-disk")
    if project is None or flavor is None:
        return
    capacity_gib = client.random.randint(1, CAPACITY_GIB_MAX)
    disk = Disk(
        name=f"disk-{client.random.randrange(1000)}",
        life=Life(0),
        project=project,
        cost={**flavor.cost, "persistent-disk.capacity": capacity_gib * GIB},
        flavor=flavor,
        state=Cell(CREATING, DETACHED, ERROR),
        vm=Cell(""),
    )
    spec: Json = {
        "name": disk.name,
        "kind": "persistent-disk",
        "flavor": flavor.name,
        "capacityGb": capacity_gib,
    }
    near = client.ready(vm for vm in model.vms if vm.project is project)
    if near is not None and client.chance(0.7):
        spec["affinities"] = [{"kind": "vm", "id": near.id}]
    path = f"/v1/projects/{project.id}/disks"
    with client.using(disk) as use:
        reply, task = await client.make(model.disks, disk, path, spec, project.id)
        if reply.code == "VmNotFound" and near is not None and not near.life.surely(reply.span):
            return
        judge_creation(client, disk, reply, (project, flavor))
        ended = None if task is None else await client.wait(task, disk, use, project.id)
        if ended is None:
            return
        made = DETACHED if ended["state"] == "COMPLETED" else ERROR
        disk.state.done(disk.state.begin(reply.span.begin, lambda _: made), client.history.tick())
        await look_at_disk(client, disk)


async def attach_disk(client: Client) -> None:
    vm = client.some(client.model.vms)
    if vm is not None:
        disk = client.some(disk for disk in client.model.disks if disk.project is vm.project)
        if disk is not None:
            await _plug(client, vm, disk, attach=True)


async def detach_disk(client: Client) -> None:
    attached = [disk for disk in client.model.disks if any(disk.vm.values)]
    disk = client.some(attached)
    if disk is None:
        return
    vm = client.model.vms.by_id[sorted(disk.vm.values)[-1]]
    await _plug(client, vm, disk, attach=False)


async def _plug(client: Client, vm: Vm, disk: Disk, *, attach: bool) -> None:
    verb, state, held = ("attach", ATTACHED, vm.id) if attach else ("detach", DETACHED, "")
    with client.using(vm, disk) as use:
        at = client.history.tick()
        moved = disk.vm.begin(at, lambda _: held)
        became = disk.state.begin(at, lambda _: state)
        way = ("POST", f"/v1/vms/{vm.id}/{verb}_disk")
        reply = await client.caller.post(way[1], {"diskId": disk.id}, vm.id, disk.id)
        _judge_found(vm, disk, reply.code, reply.span)
        ended = None
        if reply.ok:
            disk.doubts += 1
            ended = await client.wait(client.caller.task_in(reply), vm, use, disk.id)
            disk.doubts -= ended is not None
        elif not reply.refused:
            disk.doubts += 1
            vm.doubts += 1
        now = client.history.tick()
        if reply.refused or (ended is not None and "ConcurrentTask" in codes_of(ended)):
            disk.vm.refused(moved, now)
            disk.state.refused(became, now)
        elif ended is None:
            return
        elif ended["state"] == "ERROR":
            disk.vm.unknown(moved, now)
            disk.state.unknown(became, now)
        else:
            disk.vm.done(moved, now)
            disk.state.done(became, now)
            await look_at_disk(client, disk)


def _judge_found(vm: Vm, disk: Disk, code: str, span: Span) -> None:
    lost = {"VmNotFound": vm, "DiskNotFound": disk}.get(code)
    if lost is not None and lost.life.surely(span):
        text = f"{code}, and {lost.id} was acknowledged"
        raise Broken(Promise.ACKNOWLEDGED_EXISTS, text, vm.id, disk.id)


async def delete_disk(client: Client) -> None:
    disk = client.some(client.model.disks)
    if disk is None:
        return
    with client.using(disk) as use:
        path = f"/v1/disks/{disk.id}"
        begin = client.history.tick()
        reply, ended = await client.delete(client.model.disks, disk, use, path)
        states = disk.state.during(Span(begin, reply.span.end))
        if reply.ok and states == frozenset({ATTACHED}):
            text = f"disk {disk.id} could be deleted while it was attached"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, disk.id)
        if reply.code == "StateError" and states is not None and ATTACHED not in states:
            text = f"disk {disk.id} is {sorted(states)}, and could not be deleted: {reply.body}"
            raise Broken(Promise.REFUSED_FOR_A_REASON, text, disk.id)
        if ended is None or ended["state"] == "ERROR":
            return
        disk.life.deleted(client.history.tick())
        await client.look(client.model.disks, disk, path)


async def show_disk(client: Client) -> None:
    disk = client.some(client.model.disks)
    if disk is not None:
        await look_at_disk(client, disk)


async def look_at_disk(client: Client, disk: Disk) -> None:
    begin = client.history.tick()
    reply = await client.look(client.model.disks, disk, f"/v1/disks/{disk.id}")
    if reply is not None:
        judge_disk(disk, reply.body, Span(begin, reply.span.end))


def judge_disk(disk: Disk, shown: Json, span: Span) -> None:
    """Raises Broken."""
    states, vms = disk.state.during(span), disk.vm.during(span)
    if states is not None and shown["state"] not in states:
        text = f"disk {disk.id} is shown as {shown['state']}, not {sorted(states)}"
        raise Broken(Promise.READS_SEE_WRITES, text, disk.id)
    held = shown["vms"][0] if shown["vms"] else ""
    if vms is not None and held not in vms:
        text = f"disk {disk.id} is shown attached to {held!r}, not {sorted(vms)}"
        raise Broken(Promise.READS_SEE_WRITES, text, disk.id)
