"""Lists that show a part: by name, by kind, by host, by tag."""

from __future__ import annotations

from typing import Any

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.ledger import Json
from photon.workload.model import unexpected
from photon.workload.operations.hosts import HOSTS
from photon.workload.operations.lists import PATHS, judge_list, walk
from photon.workload.things import Disk, Flavor, Project, Shelf, Subnet, Thing, Vm

DATASTORES = "/v1/infrastructure/datastores"


async def list_by_name(client: Client) -> None:
    """All that surely have the name, and nothing that has another."""
    model = client.model
    shelves: tuple[Shelf[Any], ...] = (
        model.tenants,
        model.projects,
        model.flavors,
        model.images,
        model.subnets,
        model.zones,
        model.vms,
        model.disks,
    )
    shelf = client.random.choice(shelves)
    like = client.some(shelf)
    if like is None:
        return
    names = like.names.values if isinstance(like, Subnet) else {like.name}
    name = min(names)
    path, owner = _where(shelf, like)
    kind = like.kind if isinstance(like, Flavor) and client.chance(0.5) else None
    query = f"name={name}" + (f"&kind={kind}" if kind else "")
    before = list(shelf)
    walked = await walk(client, f"{path}?{query}", like.id)
    if walked is None:
        return
    for item in walked.items:
        if item["name"] != name or (kind and item["kind"] != kind):
            text = f"a list of those that are called {name} has {item['name']} {item['id']}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, item["id"])
    things = [
        each
        for each in dict.fromkeys([*before, *shelf])
        if _is_called(each, name, walked.span)
        and _owner(each) is owner
        and (kind is None or each.kind == kind)
    ]
    judge_list(shelf, things, walked, strangers=shelf in (model.images, model.subnets))


def _where(shelf: Shelf[Any], like: Any) -> tuple[str, Thing | None]:
    owner = _owner(like)
    match shelf.noun:
        case "project":
            return f"/v1/tenants/{like.tenant.id}/projects", owner
        case "VM":
            return f"/v1/projects/{like.project.id}/vms", owner
        case "disk":
            return f"/v1/projects/{like.project.id}/disks", owner
        case _:
            return PATHS[shelf.noun], None


def _owner(thing: Thing) -> Thing | None:
    """In whose list it is, if not in everybody's."""
    match thing:
        case Project():
            return thing.tenant
        case Vm() | Disk():
            return thing.project
        case _:
            return None


def _is_called(thing: Thing, name: str, span: Span) -> bool:
    names = thing.names.during(span) if isinstance(thing, Subnet) else frozenset({thing.name})
    return names == frozenset({name})


async def list_host_vms(client: Client) -> None:
    """What is on a host is shown there, and nothing else is."""
    host = client.some(client.model.hosts)
    if host is None:
        return
    walked = await walk(client, f"{HOSTS}/{host.id}/vms", host.id)
    if walked is None:
        return
    there: list[Vm] = []
    for item in walked.items:
        if item["host"] != host.name:
            text = f"VM {item['id']} is on {item['host']}, and is listed at {host.name}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, item["id"], host.id)
        vm = client.model.vms.by_id.get(item["id"])
        if vm is not None:
            there.append(vm)
    # It was there before the VM was, so that the VM is on this one and not on a former one.
    there += [
        vm
        for vm in client.model.vms
        if vm.host == host.name and host.life.made <= vm.life.asked and vm not in there
    ]
    if host.life.surely(walked.span):
        judge_list(client.model.vms, there, walked, strangers=True)


async def look_at_datastores(client: Client) -> None:
    """Each that is listed is shown by its id, and those of a tag have it."""
    tag = client.random.choice((None, None, "LOCAL_VMFS", "SHARED_VMFS"))
    walked = await walk(client, f"{DATASTORES}?tag={tag}" if tag else DATASTORES)
    if walked is None or not walked.items:
        return
    for item in walked.items:
        if tag is not None and tag not in item["tags"]:
            text = f"datastore {item['id']} is listed by {tag}, and has {item['tags']}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, item["id"])
    listed: Json = client.random.choice(walked.items)
    reply = await client.caller.get(f"{DATASTORES}/{listed['id']}", listed["id"])
    if reply.ok and (reply.body["id"], reply.body["kind"]) != (listed["id"], "datastore"):
        text = f"datastore {listed['id']} is shown as {reply.body}"
        raise Broken(Promise.READS_SEE_WRITES, text, listed["id"])
    if reply.status == 404 and reply.code != "DatastoreNotFound":
        raise unexpected(reply, f"datastore {listed['id']}", listed["id"])
