"""Tasks: one by one, of one thing, of a project, of everything; by state, page by page."""

from __future__ import annotations

from typing import Any, Final

from photon.domain.kinds import EntityKind
from photon.domain.task import ENDED, TaskState
from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.ledger import Json
from photon.workload.operations.lists import PATHS, Walked, walk
from photon.workload.things import Project, Shelf, Thing

KINDS: Final = {
    "tenant": EntityKind.TENANT,
    "project": EntityKind.PROJECT,
    "flavor": EntityKind.FLAVOR,
    "image": EntityKind.IMAGE,
    "subnet": EntityKind.SUBNET,
    "zone": EntityKind.ZONE,
    "host": EntityKind.HOST,
    "VM": EntityKind.VM,
    "disk": EntityKind.PERSISTENT_DISK,
}
_STATES: Final = (None, None, TaskState.COMPLETED, TaskState.ERROR, TaskState.QUEUED)


async def list_tasks(client: Client) -> None:
    """Of one thing, by its own path or by its id: all that was ever told of it is there."""
    model = client.model
    shelf: Shelf[Any] = client.random.choice(model.shelves())
    thing: Thing | None = client.some(shelf)
    if thing is None:
        return
    state = client.random.choice(_STATES)
    said = "" if state is None else state.lower()  # It may be in either case.
    # A project's own path shows what is in it as well.
    own = shelf is not model.projects and client.chance(0.6)
    if own:
        path = f"{PATHS[shelf.noun]}/{thing.id}/tasks" + (f"?state={said}" if said else "")
    else:
        path = f"/v1/tasks?entityId={thing.id}&entityKind={KINDS[shelf.noun]}"
        path += f"&state={said}" if said else ""
    walked = await walk(client, path, thing.id)
    if walked is None:
        return
    _judge_tasks(client, walked, state)
    for task in walked.items:
        if task["entity"]["id"] != thing.id:
            text = f"task {task['id']} of {task['entity']} is listed as of {thing.id}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, thing.id, task["id"])
    _judge_whole(client, thing, walked, state)


async def list_project_tasks(client: Client) -> None:
    """Of a project and of what is in it, maybe of one kind alone."""
    project = client.some(client.model.projects)
    if project is None:
        return
    kind = client.random.choice((None, EntityKind.VM, EntityKind.PERSISTENT_DISK))
    state = client.random.choice(_STATES)
    said = [f"kind={kind.upper()}"] if kind else []
    said += [f"state={state}"] if state else []
    path = f"/v1/projects/{project.id}/tasks" + (f"?{'&'.join(said)}" if said else "")
    walked = await walk(client, path, project.id)
    if walked is None:
        return
    _judge_tasks(client, walked, state)
    for task in walked.items:
        if kind is not None and task["entity"]["kind"] != kind:
            text = f"task {task['id']} of {task['entity']} is listed among those of a {kind}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, task["id"])
    for thing, sort in _inside(client, project):
        if kind in (None, sort) and thing.life.surely(walked.span):
            _judge_whole(client, thing, walked, state)


def _inside(client: Client, project: Project) -> list[tuple[Thing, str]]:
    found: list[tuple[Thing, str]] = [(project, EntityKind.PROJECT)]
    found += [(vm, EntityKind.VM) for vm in client.model.vms if vm.project is project]
    found += [
        (disk, EntityKind.PERSISTENT_DISK) for disk in client.model.disks if disk.project is project
    ]
    return found


def _judge_tasks(client: Client, walked: Walked, state: TaskState | None) -> None:
    """Each is as it was told to be. Raises Broken."""
    for task in walked.items:
        seen = client.caller.desk.ledger.saw_task(task, walked.span)
        if state is not None and seen is not state:
            text = f"task {task['id']} is {seen}, and listed among those that are {state}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, task["id"])


def _judge_whole(client: Client, thing: Thing, walked: Walked, state: TaskState | None) -> None:
    """Whatever was told of before is there. Raises Broken."""
    if state is not None and state not in ENDED:
        return  # It may have gone on since.
    listed = {str(task["id"]) for task in walked.items}
    told = client.caller.desk.ledger.told_of(thing.id, walked.span.begin, state)
    lost = sorted(set(told) - listed)
    if lost:
        text = f"the tasks {lost} of {thing.id} were told of, and are missing in a list of its own"
        raise Broken(Promise.LISTS_ARE_WHOLE, text, thing.id, *lost)


async def look_at_task(client: Client) -> None:
    """Any task that was ever seen, by any controller."""
    known = client.caller.desk.ledger.tasks
    if not known:
        return
    id = client.random.choice(list(known))
    reply = await client.caller.get(f"/v1/tasks/{id}", id)
    if reply.status == 404:
        text = f"task {id} was acknowledged, and is not there"
        raise Broken(Promise.ACKNOWLEDGED_EXISTS, text, id)
    if reply.ok:
        client.caller.task_in(reply)


def answer_of(task: Json) -> Json:
    """What a task that asked something was told."""
    return dict(task["resourceProperties"] or {})
