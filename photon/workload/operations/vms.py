"""VMs: making, switching, tagging and deleting them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Reply
from photon.workload.client import CONCURRENT, Client
from photon.workload.facts import Cell, Life, Span
from photon.workload.ledger import Json, codes_of
from photon.workload.model import unexpected
from photon.workload.things import Cost, Flavor, Image, Project, Thing, Vm

STARTED, STOPPED, SUSPENDED, ERROR = "STARTED", "STOPPED", "SUSPENDED", "ERROR"
CREATING: Final = "CREATING"
GIB: Final = float(1 << 30)
EXTRA_DISK_GIB: Final = 2

# What a power operation leaves, by the state that it met; what is not here fails.
POWER: Final[Mapping[str, Mapping[str, str]]] = {
    "start": {STOPPED: STARTED, STARTED: STARTED, SUSPENDED: STARTED},
    "stop": {STOPPED: STOPPED, STARTED: STOPPED, SUSPENDED: STOPPED},
    "restart": {STARTED: STARTED},
    "suspend": {STARTED: SUSPENDED, SUSPENDED: SUSPENDED},
    "resume": {STOPPED: STARTED, STARTED: STARTED, SUSPENDED: STARTED},
}

# A create's refusals, each with what must then be so of one of the things that it names.
LEAVING: Final = frozenset(
    {
        "InvalidFlavor",
        "InvalidFlavorState",
        "ImageNotFound",
        "InvalidImageState",
        "NetworkNotFound",
        "InvalidNetworkState",
        "NotFound",
    }
)


async def create_vm(client: Client) -> None:
    vm = a_vm(client)
    if vm is not None:
        await _make(client, vm)


async def create_of_what_is_gone(client: Client) -> None:
    """It is refused, and told what is gone."""
    vm = a_vm(client)
    part = client.random.choice(("vm", "ephemeral-disk", "image", "subnet"))
    if vm is None:
        return
    flavor = client.gone(each for each in client.model.flavors if each.kind == part)
    image, subnet = client.gone(images_for(client, vm.project)), client.gone(client.model.subnets)
    if part == "image" and image is not None:
        vm.image = image
    elif part == "subnet" and subnet is not None:
        vm.subnets, vm.on_default = (subnet,), False
    elif flavor is not None:
        vm.flavors = (flavor, vm.flavors[1]) if part == "vm" else (vm.flavors[0], flavor)
    await _make(client, vm)


async def _make(client: Client, vm: Vm) -> None:
    spec = spec_of(client, vm)
    named = (vm.project, vm.image, *vm.flavors, *vm.subnets)
    path = f"/v1/projects/{vm.project.id}/vms"
    with client.using(vm) as use:
        reply, task = await client.make(client.model.vms, vm, path, spec, vm.project.id)
        judge_creation(client, vm, reply, named)
        if task is None:
            return
        ended = await client.wait(task, vm, use, vm.project.id)
        if ended is None:
            return
        made = STOPPED if ended["state"] == "COMPLETED" else ERROR
        vm.state.done(vm.state.begin(reply.span.begin, lambda _: made), client.history.tick())
        await look_at_vm(client, vm)


def judge_creation(client: Client, vm: Any, reply: Reply, named: tuple[Thing, ...]) -> None:
    """A create of a VM or a disk, which names things and is charged."""
    if not reply.status:
        return
    if reply.code in LEAVING and all(surely_ready(thing, reply.span) for thing in named):
        raise unexpected(reply, f"a create that names what is there ({vm.name})", vm.project.id)
    gone = [thing.id for thing in named if not thing.life.maybe_open(reply.span)]
    if reply.code == CONCURRENT and gone:
        text = f"{vm.name} was refused for a change under way, and {gone} are gone for good"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text, *gone)
    if reply.ok and gone:
        text = f"{vm.name} was made of what is gone: {gone}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, vm.id, *gone)
    client.model.judge_charge(vm.project, vm, reply)


def surely_ready(thing: Thing, span: Span) -> bool:
    """Something could be made of it at each moment of the span."""
    states = thing.state.during(span) if isinstance(thing, Image) else frozenset({"READY"})
    return thing.life.surely(span) and states == frozenset({"READY"})


def a_vm(client: Client) -> Vm | None:
    """One that could be asked for."""
    model = client.model
    project = client.ready(model.projects)
    image = client.some(images_for(client, project))
    flavor = client.some(f for f in model.flavors if f.kind == "vm")
    boot = client.some(f for f in model.flavors if f.kind == "ephemeral-disk")
    subnet = client.some(model.subnets)
    if not (project and image and flavor and boot and subnet):
        return None
    extra = client.random.choice((0, 0, 0, 1, 2))
    on_default = model.alone and any(model.default_subnet.values) and client.chance(0.15)
    return Vm(
        name=f"vm-{client.random.randrange(1000)}",
        life=Life(0),
        project=project,
        cost=cost_of(flavor, boot, extra),
        flavors=(flavor, boot),
        image=image,
        subnets=() if on_default else (subnet,),
        on_default=on_default,
        zone=client.ready(model.zones) if client.chance(0.05) else None,
        state=Cell(CREATING, STOPPED, ERROR),
        metadata=Cell("{}"),
    )


def images_for(client: Client, project: Project | None) -> list[Image]:
    """Everybody's, and the project's own; an own one comes as often as all others together."""
    images = list(client.model.images)
    own = [image for image in images if image.project is project and project is not None]
    if any(image.life.is_usable for image in own) and client.chance(0.5):
        return own
    return [image for image in images if image.project is None]


def cost_of(flavor: Flavor, boot: Flavor, extra: int) -> Cost:
    """What a VM is charged, with a boot disk of less than a GiB and `extra` disks more."""
    cost = dict(flavor.cost)
    for key, amount in boot.cost.items():
        cost[key] = cost.get(key, 0.0) + amount * (1 + extra)
    cost["ephemeral-disk.capacity"] = extra * EXTRA_DISK_GIB * GIB
    return cost


def spec_of(client: Client, vm: Vm) -> Json:
    flavor, boot = vm.flavors
    extra = round(vm.cost["ephemeral-disk.capacity"] / (EXTRA_DISK_GIB * GIB))
    disks: list[Json] = [
        {"name": "boot", "kind": "ephemeral-disk", "flavor": boot.name, "bootDisk": True}
    ]
    for place in range(extra):
        disk = {"name": f"extra-{place}", "kind": "ephemeral-disk", "flavor": boot.name}
        disks.append({**disk, "capacityGb": EXTRA_DISK_GIB})
    spec: Json = {
        "name": vm.name,
        "flavor": flavor.name,
        "sourceImageId": vm.image.id,
        "attachedDisks": disks,
    }
    if not vm.on_default:
        spec["subnets"] = [subnet.id for subnet in vm.subnets]
    zone = client.some(client.model.zones) if client.chance(0.1) else None
    if vm.zone is not None:
        spec["affinities"] = [{"kind": "availabilityZone", "id": vm.zone.id}]
    elif zone is not None:
        spec["affinities"] = [{"kind": "availabilityZone", "id": zone.id, "soft": True}]
    elif client.chance(0.2):
        group = f"group-{client.random.randrange(3)}"
        rule = {"affinity": "APART", "group": group, "hard": client.chance(0.3), "hostMax": 2}
        spec["placement"] = {"groups": [group], "rules": [rule]}
    return spec


def power(operation: str) -> Callable[[Client], Any]:
    """The operation that does this to some VM."""
    table = POWER[operation]

    async def switch(client: Client) -> None:
        vm = client.some(client.model.vms)
        if vm is None:
            return
        with client.using(vm) as use:
            change = vm.state.begin(client.history.tick(), table.get)
            way = ("POST", f"/v1/vms/{vm.id}/{operation}")
            ended = await client.act(client.model.vms, vm, use, way)
            now = client.history.tick()
            if ended is None and vm.doubts:
                return  # It may still happen.
            if ended is None or "ConcurrentTask" in codes_of(ended):
                vm.state.refused(change, now)
            elif ended["state"] == "ERROR":
                vm.state.unknown(change, now)
            else:
                _judge_power(vm, change.before, operation, ended)
                vm.state.done(change, now)
                await look_at_vm(client, vm)

    return switch


def _judge_power(vm: Vm, before: frozenset[str], operation: str, task: Json) -> None:
    possible = vm.state.values | before
    if not any(POWER[operation].get(state) for state in possible):
        text = f"VM {vm.id} could {operation}, being {sorted(possible)}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, vm.id, str(task["id"]))


async def delete_vm(client: Client) -> None:
    vm = client.some(client.model.vms)
    if vm is None:
        return
    with client.using(vm) as use:
        reply, ended = await client.delete(client.model.vms, vm, use, f"/v1/vms/{vm.id}")
        attached = [disk for disk in client.model.disks if vm.id in disk.vm.values]
        if reply.code == "PersistentDiskAttached" and not attached:
            raise unexpected(reply, f"the end of VM {vm.id}, which has no disk", vm.id)
        if ended is None or ended["state"] == "ERROR":
            return
        vm.life.deleted(client.history.tick())
        await client.look(client.model.vms, vm, f"/v1/vms/{vm.id}")


async def look_at_disk_of(client: Client) -> None:
    """A disk that was made with a VM is shown by its own id, as long as the VM is there."""
    vm = client.some(client.model.vms)
    shown = None if vm is None else await client.look(client.model.vms, vm, f"/v1/vms/{vm.id}")
    if vm is None or shown is None:
        return
    disks = [each for each in shown.body["attachedDisks"] if each["kind"] == "ephemeral-disk"]
    disk = client.random.choice(disks)
    reply = await client.caller.get(f"/v1/disks/{disk['id']}", vm.id, disk["id"])
    if reply.status == 404 and vm.life.surely(Span(shown.span.begin, reply.span.end)):
        raise unexpected(reply, f"the disk {disk['id']} of VM {vm.id}", vm.id)
    if reply.ok and any(reply.body[key] != disk[key] for key in ("id", "kind", "flavor")):
        text = f"the disk {disk} of VM {vm.id} is shown as {reply.body}"
        raise Broken(Promise.READS_SEE_WRITES, text, vm.id)


async def look_at_vm(client: Client, vm: Vm) -> None:
    begin = client.history.tick()
    reply = await client.look(client.model.vms, vm, f"/v1/vms/{vm.id}")
    if reply is not None:
        judge_vm(client, vm, reply.body, Span(begin, reply.span.end))


def judge_vm(client: Client, vm: Vm, shown: Json, span: Span) -> None:
    """What a view of a VM says, against all that may be so. Raises Broken."""
    state, known = shown["state"], vm.state.during(span)
    if known is not None and state not in known:
        ended = client.site.guests_die and state == STOPPED and known & {STARTED, SUSPENDED}
        if not ended:
            text = f"VM {vm.id} is shown as {state} ({shown['stateReason']}), not {sorted(known)}"
            raise Broken(Promise.READS_SEE_WRITES, text, vm.id)
        vm.state.put(span.end, frozenset({STOPPED}))
    said = msgspec.json.encode(shown["metadata"], order="sorted").decode()
    metadata = vm.metadata.during(span)
    if metadata is not None and said not in metadata:
        text = f"VM {vm.id} has the metadata {said}, not {sorted(metadata)}"
        raise Broken(Promise.READS_SEE_WRITES, text, vm.id)
    tags = set(shown["tags"])
    if not tags <= vm.tags_asked:
        text = f"VM {vm.id} has tags that nobody gave it: {sorted(tags - vm.tags_asked)}"
        raise Broken(Promise.NOTHING_FROM_NOWHERE, text, vm.id)
    if shown["name"] != vm.name or shown["projectId"] != vm.project.id:
        raise Broken(Promise.READS_SEE_WRITES, f"VM {vm.id} is shown as {shown}", vm.id)
    _judge_host(client, vm, shown["host"] or "", span)


def _judge_host(client: Client, vm: Vm, host: str, span: Span) -> None:
    """Where it was first shown it stays, and that is where it had to be. Raises Broken."""
    if host and vm.host and host != vm.host:
        text = f"VM {vm.id} was on host {vm.host}, and is on {host}"
        raise Broken(Promise.READS_SEE_WRITES, text, vm.id)
    if host and not vm.host:
        vm.host = host
        judge_zone(client, vm, host, span)


def judge_zone(client: Client, vm: Vm, address: str, span: Span) -> None:
    """Raises Broken: it is not in the zone that was asked for."""
    hosts = [host for host in client.model.hosts if host.name == address]
    if vm.zone is None or not client.model.alone:
        return
    zones = [host.zone.during(span) for host in hosts]
    if all(each is not None and vm.zone.id not in each for each in zones):
        text = f"{vm.name} was to be in zone {vm.zone.id}, and is on {address}, in {zones}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, vm.id, vm.zone.id)


async def show_vm(client: Client) -> None:
    vm = client.some(client.model.vms)
    if vm is None:
        return
    tags = set(vm.tags)
    begin = client.history.tick()
    reply = await client.look(client.model.vms, vm, f"/v1/vms/{vm.id}")
    if reply is None:
        return
    judge_vm(client, vm, reply.body, Span(begin, reply.span.end))
    if not tags <= set(reply.body["tags"]):
        text = f"VM {vm.id} lost tags: {sorted(tags - set(reply.body['tags']))}"
        raise Broken(Promise.READS_SEE_WRITES, text, vm.id)


async def set_metadata(client: Client) -> None:
    vm = client.some(client.model.vms)
    if vm is None:
        return
    value = {"number": str(client.random.randrange(10_000))}
    said = msgspec.json.encode(value, order="sorted").decode()
    change = vm.metadata.begin(client.history.tick(), lambda _: said)
    path = f"/v1/vms/{vm.id}/set_metadata"
    reply = await client.change(client.model.vms, vm, ("POST", path), {"metadata": value})
    if reply.ok:
        client.caller.task_in(reply)
        vm.metadata.done(change, client.history.tick())
        await look_at_vm(client, vm)
    elif reply.refused:
        vm.metadata.refused(change, client.history.tick())


async def add_tag(client: Client) -> None:
    vm = client.some(client.model.vms)
    if vm is None:
        return
    tag = f"tag-{client.random.randrange(20)}"
    vm.tags_asked.add(tag)
    path = f"/v1/vms/{vm.id}/tags"
    reply = await client.change(client.model.vms, vm, ("POST", path), {"value": tag})
    if reply.ok:
        client.caller.task_in(reply)
        vm.tags.add(tag)


async def ask_networks(client: Client) -> None:
    """What only the host knows: the task has it."""
    vm = client.some(client.model.vms)
    if vm is None:
        return
    reply = await client.look(client.model.vms, vm, f"/v1/vms/{vm.id}/subnets")
    if reply is not None:
        await client.caller.ended(client.caller.task_in(reply), vm.id)
