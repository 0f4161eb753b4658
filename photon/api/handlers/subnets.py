"""Subnets of port groups: named sets of networks that hosts have (contract, 7.8)."""

from __future__ import annotations

import msgspec

from photon.api.found import the_subnet
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.port_groups import claim, give_up, must_exist
from photon.api.route import Call, NamedQuery, NoQuery, StateQuery
from photon.api.submit import Ask, completed
from photon.api.subnet_spec import checked_subnet
from photon.api.task_lists import tasks_of
from photon.api.views.subnet import subnet_view
from photon.api.watching import Listed, listed
from photon.domain.error_catalogue import InvalidEntity, InvalidNetworkState
from photon.domain.kinds import EntityKind
from photon.domain.readiness import DELETABLE, Readiness
from photon.store.endings import tombstone
from photon.store.errors import InUse, StaleGeneration
from photon.store.nouns import SUBNETS
from photon.store.protocol import Insert, RequireNone, Update, Write
from photon.store.reaping import reap_subnet
from photon.wire.v1 import subnet as wire
from photon.wire.v1.task import Task

DEFAULTS_MAX = 10  # There is one; more could only be left by a bug, and are mended on the way.


async def create_subnet(plane: Plane, call: Call[NoQuery, wire.SubnetCreateSpec]) -> Task:
    """Makes a subnet at once, of port groups that hosts report and no other subnet has."""
    subnet = checked_subnet(plane.ids.new(), call.body)
    await must_exist(plane.store, subnet.port_groups)
    claims = await claim(plane.store, subnet.id, subnet.port_groups)
    ask = Ask("CREATE_NETWORK", EntityKind.SUBNET, subnet.id)
    return await completed(plane, call, ask, [Insert(SUBNETS, subnet), *claims])


async def list_subnets(plane: Plane, call: Call[NamedQuery, None]) -> Listed[wire.Subnet]:
    listing = Listing(SUBNETS, subnet_view, filters={"name": call.query.name})
    return await listed(plane, call, listing)


async def show_subnet(plane: Plane, call: Call[NoQuery, None]) -> wire.Subnet:
    return subnet_view(await the_subnet(plane, call.id), call.base)


async def delete_subnet(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Gone at once when no VM is on it, else PENDING_DELETE until the last one leaves."""
    subnet = await the_subnet(plane, call.id)
    if subnet.state not in DELETABLE:
        raise InvalidNetworkState(subnet.id, subnet.state)
    leaving = msgspec.structs.replace(subnet, state=Readiness.PENDING_DELETE, is_default=False)
    return await completed(
        plane,
        call,
        Ask("DELETE_NETWORK", EntityKind.SUBNET, subnet.id),
        [
            Update(SUBNETS, leaving),
            tombstone(EntityKind.SUBNET, subnet.id, plane.clock.now_ms()),
            reap_subnet(subnet.id),
            *give_up(subnet.id, subnet.port_groups),
        ],
    )


async def rename_subnet(plane: Plane, call: Call[NoQuery, wire.SubnetUpdateSpec]) -> Task:
    subnet = await the_subnet(plane, call.id)
    renamed = msgspec.structs.replace(subnet, name=call.body.name)
    ask = Ask("UPDATE_SUBNET", EntityKind.SUBNET, subnet.id)
    return await completed(plane, call, ask, [Update(SUBNETS, renamed)])


async def set_default_subnet(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Marks the subnet of VMs that name none, and un-marks the one that was."""
    subnet = await the_subnet(plane, call.id)
    if subnet.state is not Readiness.READY:
        raise InvalidNetworkState(subnet.id, subnet.state)
    page = await plane.store.page(SUBNETS, {"is_default": True}, limit=DEFAULTS_MAX)
    marked = msgspec.structs.replace(subnet, is_default=True)
    writes: list[Write] = [
        *(
            Update(SUBNETS, msgspec.structs.replace(former, is_default=False))
            for former in page.items
            if former.id != subnet.id
        ),
        Update(SUBNETS, marked),
    ]
    if not subnet.is_default:
        # Of two that are made the default at once, the later looks again and finds the former.
        writes.insert(-1, RequireNone(SUBNETS, {"is_default": True}))
    ask = Ask("SET_DEFAULT_NETWORK", EntityKind.SUBNET, subnet.id)
    try:
        return await completed(plane, call, ask, writes)
    except InUse as used:
        raise StaleGeneration(used.noun, subnet.id) from None


async def set_subnet_port_groups(plane: Plane, call: Call[NoQuery, wire.PortGroups]) -> Task:
    """Replaces the port groups. VMs that are on one that goes stay where they are."""
    subnet = await the_subnet(plane, call.id)
    if subnet.state is not Readiness.READY:
        raise InvalidNetworkState(subnet.id, subnet.state)
    asked = tuple(dict.fromkeys(call.body.names))
    if not asked:
        raise InvalidEntity(problem="names size must be at least 1 (was [])")
    new = tuple(name for name in asked if name not in subnet.port_groups)
    gone = tuple(name for name in subnet.port_groups if name not in asked)
    await must_exist(plane.store, new)
    claims = await claim(plane.store, subnet.id, new)
    changed = msgspec.structs.replace(subnet, port_groups=asked)
    writes = [Update(SUBNETS, changed), *give_up(subnet.id, gone, anyway=True), *claims]
    ask = Ask("SET_PORT_GROUPS", EntityKind.SUBNET, subnet.id)
    return await completed(plane, call, ask, writes)


async def list_subnet_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await the_subnet(plane, call.id)
    return await tasks_of(plane, call, EntityKind.SUBNET)
