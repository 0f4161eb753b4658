"""What VMs are made of: flavors, images, subnets and zones, and their end while they are in use."""

from __future__ import annotations

from typing import Any, Final

from photon.workload.caller import Reply
from photon.workload.client import Client
from photon.workload.facts import Cell, Life
from photon.workload.ledger import Json
from photon.workload.model import judge_there, unexpected
from photon.workload.operations.groups import judge_project, judge_tenant
from photon.workload.operations.images import judge_image
from photon.workload.operations.networks import judge_subnet
from photon.workload.operations.tenancy import judge_name
from photon.workload.operations.vms import GIB
from photon.workload.things import (
    Flavor,
    Image,
    Project,
    Shelf,
    Subnet,
    Tenant,
    Thing,
    Zone,
)

SUBNETS_LEFT_MIN: Final = 1  # There are as many as port groups, which are two, mostly.
LEFT_MIN: Final = 2  # So many of a sort must be left to make things of.

_KINDS: Final = ("vm", "ephemeral-disk", "persistent-disk")


async def create_flavor(client: Client, kind: str | None = None) -> None:
    known = [flavor.name for flavor in client.model.flavors]
    kind = kind or client.random.choice(_KINDS)
    name = f"flavor-{len(known)}-{client.random.randrange(1000)}"
    if known and client.chance(0.15):
        name = client.random.choice(known)
    cost = _cost(client, kind)
    flavor = Flavor(name=name, life=Life(0), kind=kind, cost=_in_base(cost))
    reply, _ = await client.make(
        client.model.flavors, flavor, "/v1/flavors", {"name": name, "kind": kind, "cost": cost}
    )
    same = [other for other in client.model.flavors if other.kind == kind]
    judge_name(same, flavor, reply.code, reply.span)


def _cost(client: Client, kind: str) -> list[Json]:
    if kind != "vm":
        return [{"key": kind, "value": 1, "unit": "COUNT"}]
    cpus, gib = client.random.choice(((1, 1), (1, 2), (2, 4), (4, 8), (8, 8)))
    return [
        {"key": "vm.count", "value": 1, "unit": "COUNT"},
        {"key": "vm.cpu", "value": cpus, "unit": "COUNT"},
        {"key": "vm.memory", "value": gib, "unit": "GB"},
    ]


def _in_base(cost: list[Json]) -> dict[str, float]:
    return {item["key"]: item["value"] * (GIB if item["unit"] == "GB" else 1.0) for item in cost}


async def delete_flavor(client: Client) -> None:
    kind = client.random.choice(_KINDS)
    flavors = [each for each in client.model.flavors if each.kind == kind and each.life.is_usable]
    await _leave_one(client, client.model.flavors, flavors, "/v1/flavors")


async def delete_image(client: Client) -> None:
    """Of everybody's some are left to make VMs of; projects' own go like VMs."""
    images = [image for image in client.model.images if image.life.is_usable]
    own = [image for image in images if image.project is not None]
    if own and client.chance(0.6):
        image = client.some(own)
        if image is not None:
            await _leave(client, client.model.images, image, "/v1/images")
        return
    shared = [image for image in images if image.project is None]
    await _leave_one(client, client.model.images, shared, "/v1/images")


async def delete_subnet(client: Client) -> None:
    """What leaves is the default no more."""
    subnets = [subnet for subnet in client.model.subnets if subnet.life.is_usable]
    subnet = client.some(subnets) if len(subnets) > SUBNETS_LEFT_MIN else None
    if subnet is None:
        return
    default = client.model.default_subnet
    change = default.begin(client.history.tick(), lambda now: "" if now == subnet.id else now)
    reply = await _leave(client, client.model.subnets, subnet, "/v1/subnets")
    if reply.ok:
        default.done(change, client.history.tick())
    elif reply.refused:
        default.refused(change, client.history.tick())


async def _leave_one(client: Client, shelf: Shelf[Any], things: list[Any], path: str) -> None:
    thing = client.some(things) if len(things) > LEFT_MIN else None
    if thing is not None:
        await _leave(client, shelf, thing, path)


async def _leave(client: Client, shelf: Shelf[Any], thing: Any, path: str) -> Reply:
    """What is deleted while it is in use stays until its last user goes."""
    with client.using(thing) as use:
        reply, ended = await client.delete(shelf, thing, use, f"{path}/{thing.id}")
        if ended is not None and ended["state"] == "COMPLETED":
            thing.life.close(client.history.tick())
        await look_at(client, shelf, thing, path)
    return reply


async def look_at(client: Client, shelf: Shelf[Any], thing: Any, path: str) -> Reply:
    reply = await client.caller.get(f"{path}/{thing.id}", thing.id)
    if reply.status:
        judge_there(shelf.noun, thing, reply)
        if isinstance(thing, Flavor | Image | Subnet):
            client.model.judge_leaving(shelf.noun, thing, reply)
    if reply.ok:
        _judge_shown(client, thing, reply)
    return reply


def _judge_shown(client: Client, thing: Thing, reply: Reply) -> None:
    match thing:
        case Tenant():
            judge_tenant(thing, reply.body, reply.span)
        case Project():
            judge_project(thing, reply.body, reply.span)
        case Image():
            judge_image(thing, reply.body, reply.span)
        case Subnet():
            judge_subnet(client, thing, reply.body, reply.span)


async def show_something(client: Client) -> None:
    """Any of the catalogue, also of what is gone."""
    shelves: tuple[tuple[Shelf[Any], str], ...] = (
        (client.model.flavors, "/v1/flavors"),
        (client.model.images, "/v1/images"),
        (client.model.subnets, "/v1/subnets"),
        (client.model.tenants, "/v1/tenants"),
        (client.model.projects, "/v1/projects"),
        (client.model.zones, "/v1/zones"),
    )
    shelf, path = client.random.choice(shelves)
    known: list[Thing] = [thing for thing in shelf if thing.id]
    if known:
        await look_at(client, shelf, client.random.choice(known), path)


async def create_subnet(client: Client, group: str | None = None) -> None:
    """Mostly refused: the port group has a subnet."""
    group = group or client.random.choice(client.site.port_groups)
    number = client.random.randrange(1000)
    name = f"subnet-{number}"
    subnet = Subnet(name=name, life=Life(0), names=Cell(name), port_groups=Cell((group,)))
    spec = {
        "name": subnet.name,
        "description": "",
        "type": "PORT_GROUP",
        "portGroups": {"names": [group]},
    }
    reply, _ = await client.make(client.model.subnets, subnet, "/v1/subnets", spec)
    same = [
        each
        for each in client.model.subnets
        if any(group in had for had in each.port_groups.values) and each is not subnet
    ]
    if reply.code == "PortGroupAlreadyAddedToSubnet" and not any(
        each.life.maybe(reply.span) for each in same
    ):
        raise unexpected(reply, f"a subnet of the free port group {group}")


async def create_zone(client: Client) -> None:
    zone = Zone(name=f"zone-{client.random.randrange(1000)}", life=Life(0))
    await client.make(client.model.zones, zone, "/v1/zones", {"name": zone.name})


async def delete_zone(client: Client) -> None:
    zones = [zone for zone in client.model.zones if zone.life.is_usable]
    await _leave_one(client, client.model.zones, zones, "/v1/zones")
