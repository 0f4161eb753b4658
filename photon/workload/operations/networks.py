"""Subnets that are there: their names, their port groups, and which of them is the default."""

from __future__ import annotations

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.ledger import Json
from photon.workload.model import unexpected
from photon.workload.things import Subnet

SUBNETS = "/v1/subnets"


async def rename_subnet(client: Client) -> None:
    """It has no key: so it is sent once, and may then happen at any later time."""
    subnet = client.some(client.model.subnets)
    if subnet is None:
        return
    name = f"renamed-{client.random.randrange(1000)}"
    change = subnet.names.begin(client.history.tick(), lambda _: name)
    way = ("PATCH", f"{SUBNETS}/{subnet.id}")
    reply = await client.change(client.model.subnets, subnet, way, {"name": name})
    if reply.ok:
        client.caller.task_in(reply)
        subnet.names.done(change, client.history.tick())
        await look_at_subnet(client, subnet)
    elif reply.refused:
        subnet.names.refused(change, client.history.tick())


async def set_default(client: Client) -> None:
    """One is the default, and was it alone before its change is answered."""
    subnet = client.some(client.model.subnets)
    if subnet is None or not client.site.alone:
        return  # Others rely on the one that is.
    cell = client.model.default_subnet
    change = cell.begin(client.history.tick(), lambda _: subnet.id)
    way = ("POST", f"{SUBNETS}/{subnet.id}/set_default")
    reply = await client.change(client.model.subnets, subnet, way)
    if reply.code == "InvalidNetworkState" and subnet.life.surely(reply.span):
        raise unexpected(reply, f"subnet {subnet.id} as the default", subnet.id)
    if reply.ok:
        client.caller.task_in(reply)
        cell.done(change, client.history.tick())
        await look_at_subnet(client, subnet)
    elif reply.refused:
        cell.refused(change, client.history.tick())


async def set_port_groups(client: Client) -> None:
    """Those that it has, in another order, or one more: which another subnet has, mostly."""
    subnet, site = client.some(client.model.subnets), client.site
    if subnet is None or len(subnet.port_groups.values) > 1:
        return
    [had] = subnet.port_groups.values
    more = client.random.choice((*site.port_groups, "No Such Network"))
    asked = tuple(dict.fromkeys(client.random.choice(((*had, more), had, had[::-1]))))
    change = subnet.port_groups.begin(client.history.tick(), lambda _: asked)
    way = ("POST", f"{SUBNETS}/{subnet.id}/set_portgroups")
    reply = await client.change(client.model.subnets, subnet, way, {"names": asked})
    new = set(asked) - set(had)
    others = [each for each in client.model.subnets if each is not subnet and _had(each, new)]
    if reply.code == "PortGroupAlreadyAddedToSubnet" and not any(
        each.life.maybe(reply.span) for each in others
    ):
        raise unexpected(reply, f"subnet {subnet.id} with the free port groups {new}", subnet.id)
    if reply.ok:
        client.caller.task_in(reply)
        subnet.port_groups.done(change, client.history.tick())
        if not new <= set(site.port_groups):
            text = f"subnet {subnet.id} was given {sorted(new)}, which no host has"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, subnet.id)
        await look_at_subnet(client, subnet)
    elif reply.refused:
        subnet.port_groups.refused(change, client.history.tick())


def _had(subnet: Subnet, names: set[str]) -> bool:
    """It has one of these, or may have had it when it was asked about."""
    return any(not names.isdisjoint(each) for each in subnet.port_groups.values)


async def look_at_subnet(client: Client, subnet: Subnet) -> None:
    reply = await client.look(client.model.subnets, subnet, f"{SUBNETS}/{subnet.id}")
    if reply is not None:
        judge_subnet(client, subnet, reply.body, reply.span)


def judge_subnet(client: Client, subnet: Subnet, shown: Json, span: Span) -> None:
    """Raises Broken."""
    names, groups = subnet.names.during(span), subnet.port_groups.during(span)
    if names is not None and shown["name"] not in names:
        text = f"subnet {subnet.id} is called {shown['name']}, not {sorted(names)}"
        raise Broken(Promise.READS_SEE_WRITES, text, subnet.id)
    has = tuple(shown["portGroups"]["names"])
    if groups is not None and has not in groups:
        text = f"subnet {subnet.id} has the port groups {has}, not {sorted(groups)}"
        raise Broken(Promise.READS_SEE_WRITES, text, subnet.id)
    defaults = client.model.default_subnet.during(span)
    if defaults is None or not client.site.alone:
        return
    if shown["isDefault"] not in {each == subnet.id for each in defaults}:
        said = "is" if shown["isDefault"] else "is not"
        text = f"subnet {subnet.id} {said} the default, which is one of {sorted(defaults)}"
        raise Broken(Promise.READS_SEE_WRITES, text, subnet.id)
