"""The end: what was in doubt is asked again, and then everything must be exactly as promised."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from photon.domain.task import ENDED
from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import NEVER
from photon.workload.ledger import Json
from photon.workload.operations.disks import judge_disk
from photon.workload.operations.hosts import HOSTS, judge_host
from photon.workload.operations.limits import judge_quota
from photon.workload.operations.lists import PATHS, Walked, judge_list, walk
from photon.workload.operations.tenancy import LIMITED, base_of
from photon.workload.operations.vms import judge_vm
from photon.workload.things import Project, Shelf, Thing

ASKED_AT_ONCE: Final = 16  # As a few clients would who all come back at once.


async def resolve(client: Client) -> None:
    """Every task ends, and of everything that was asked for it is known whether it is there."""
    for shelf in client.model.shelves():
        for thing in [thing for thing in shelf if not thing.id]:
            await _ask_again(client, shelf, thing)
    known = client.caller.desk.ledger.tasks
    pending = [id for id, task in known.items() if task.best not in ENDED]
    for start in range(0, len(pending), ASKED_AT_ONCE):
        some = pending[start : start + ASKED_AT_ONCE]
        await asyncio.gather(*(_await_end(client, id) for id in some))
    for shelf in client.model.shelves():
        for thing in shelf:
            if thing.id and thing.life.leaving != NEVER and thing.life.gone == NEVER:
                await _look_whether_gone(client, shelf, thing)


async def _ask_again(client: Client, shelf: Shelf[Any], thing: Thing) -> None:
    """By the key of the request that nobody answered: then it is there, or it never will be."""
    if thing.asked is None:
        return
    path, body, key = thing.asked
    reply = await client.caller.post(path, body, key=key)
    if reply.ok:
        client.created(shelf, thing, reply, key)
    elif reply.status:
        shelf.refused(thing)


async def _await_end(client: Client, id: str) -> None:
    reply = await client.caller.get(f"/v1/tasks/{id}", id)
    ended = await client.caller.ended(client.caller.task_in(reply)) if reply.ok else None
    if ended is None:
        raise Broken(Promise.TASK_ENDS, f"task {id} does not end", id)


async def _look_whether_gone(client: Client, shelf: Shelf[Any], thing: Thing) -> None:
    reply = await client.caller.get(f"{PATHS[shelf.noun]}/{thing.id}", thing.id)
    if reply.status == 404:
        thing.life.deleted(reply.span.end)
    elif thing.life.closed == NEVER and reply.body.get("state") != "PENDING_DELETE":
        thing.life.deletes = 1
        thing.life.delete_refused()


async def judge_all(client: Client) -> None:
    """What one controller shows of everything. Raises Broken."""
    model = client.model
    for shelf in (model.tenants, model.flavors, model.subnets, model.zones):
        walked = await _whole(client, PATHS[shelf.noun])
        judge_list(shelf, shelf, walked)
    judge_list(model.images, model.images, await _whole(client, "/v1/images"), strangers=True)
    walked = await _whole(client, HOSTS)
    judge_list(model.hosts, model.hosts, walked)
    for shown in walked.items:
        host = model.hosts.by_id.get(shown["id"])
        if host is not None:  # else a stranger's, or the list would have been refused
            judge_host(host, shown, walked.span)
    for tenant in model.tenants:
        if tenant.life.is_usable:
            await _judge_tenant(client, tenant)
    await _judge_tasks(client)


async def _judge_tenant(client: Client, tenant: Thing) -> None:
    model, path = client.model, f"/v1/tenants/{tenant.id}"
    walked = await _whole(client, f"{path}/projects", tenant.id)
    projects = [project for project in model.projects if project.tenant is tenant]
    judge_list(model.projects, projects, walked)
    quota = await client.caller.get(f"{path}/quota", tenant.id)
    used: dict[str, float] = {}
    for shown in walked.items:
        project = model.projects.by_id[shown["id"]]
        await _judge_project(client, project)
        for key, item in (shown["quota"]["quotaItems"] or {}).items():
            if item["limit"] is not None:
                used[key] = used.get(key, 0.0) + base_of(item["limit"], item["unit"])
    items: Json = quota.body["quotaItems"] or {}
    for key, _, _, _ in LIMITED:
        item = items.get(key, {"usage": 0.0, "unit": "COUNT"})
        usage = base_of(item["usage"] or 0.0, item["unit"])
        if abs(usage - used.get(key, 0.0)) > 0.5:
            given = used.get(key, 0.0)
            text = f"tenant {tenant.id} uses {usage:g} {key}, and its projects have {given:g}"
            raise Broken(Promise.QUOTA_ADDS_UP, text, tenant.id)


async def _judge_project(client: Client, project: Project) -> None:
    model, path = client.model, f"/v1/projects/{project.id}"
    vms = await _whole(client, f"{path}/vms", project.id)
    judge_list(model.vms, [vm for vm in model.vms if vm.project is project], vms)
    for shown in vms.items:
        judge_vm(client, model.vms.by_id[shown["id"]], shown, vms.span)
    disks = await _whole(client, f"{path}/disks", project.id)
    judge_list(model.disks, [disk for disk in model.disks if disk.project is project], disks)
    for shown in disks.items:
        judge_disk(model.disks.by_id[shown["id"]], shown, disks.span)
    quota = await client.caller.get(f"{path}/quota", project.id)
    judge_quota(client, project, quota.body["quotaItems"] or {}, quota.span)


async def _judge_tasks(client: Client) -> None:
    ledger = client.caller.desk.ledger
    ours = None if client.site.alone else frozenset(ledger.tasks)
    walked = await _whole(client, "/v1/tasks")
    for task in walked.items:
        if ours is not None and task["id"] not in ours:
            continue
        ledger.saw_task(task, walked.span)
        if task["state"] not in ENDED:
            text = f"task {task['id']} of {task['operation']} is {task['state']} to the end"
            raise Broken(Promise.TASK_ENDS, text, task["id"], task["entity"]["id"])
    lost = sorted(ledger.tasks.keys() - {task["id"] for task in walked.items})
    if lost:
        text = f"the tasks {lost} were acknowledged, and are not listed"
        raise Broken(Promise.ACKNOWLEDGED_EXISTS, text, *lost)


async def _whole(client: Client, path: str, *ids: str) -> Walked:
    walked = await walk(client, path, *ids)
    if walked is None:
        raise Broken(Promise.LISTS_ARE_WHOLE, f"{path} is not answered, though nothing fails", *ids)
    return walked
