"""Availability zones: hosts that may fail together."""

from __future__ import annotations

import msgspec

from photon.api.found import the_zone
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery, NoQuery, StateQuery
from photon.api.submit import Ask, completed
from photon.api.task_lists import tasks_of
from photon.api.watching import Listed, listed
from photon.domain.error_catalogue import InvalidZoneState
from photon.domain.kinds import EntityKind
from photon.domain.readiness import DELETABLE, Readiness
from photon.domain.zone import Zone
from photon.store.endings import tombstone
from photon.store.nouns import ZONES
from photon.store.protocol import Insert, Update
from photon.wire.v1 import host as wire
from photon.wire.v1.task import Task


async def create_zone(plane: Plane, call: Call[NoQuery, wire.ZoneCreateSpec]) -> Task:
    """Makes a zone at once. Names may repeat."""
    zone = Zone(plane.ids.new(), call.body.name)
    ask = Ask("CREATE_AVAILABILITYZONE", EntityKind.ZONE, zone.id)
    return await completed(plane, call, ask, [Insert(ZONES, zone)])


async def list_zones(plane: Plane, call: Call[NamedQuery, None]) -> Listed[wire.Zone]:
    listing = Listing(ZONES, zone_view, filters={"name": call.query.name})
    return await listed(plane, call, listing)


async def show_zone(plane: Plane, call: Call[NoQuery, None]) -> wire.Zone:
    return zone_view(await the_zone(plane, call.id), call.base)


async def delete_zone(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Always PENDING_DELETE at first: a duty removes it when no host is in it."""
    zone = await the_zone(plane, call.id)
    if zone.state not in DELETABLE:
        raise InvalidZoneState(zone.id, zone.state)
    leaving = msgspec.structs.replace(zone, state=Readiness.PENDING_DELETE)
    ending = tombstone(EntityKind.ZONE, zone.id, plane.clock.now_ms())
    ask = Ask("DELETE_AVAILABILITYZONE", EntityKind.ZONE, zone.id)
    return await completed(plane, call, ask, [Update(ZONES, leaving), ending])


async def list_zone_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await the_zone(plane, call.id)
    return await tasks_of(plane, call, EntityKind.ZONE)


def zone_view(zone: Zone, base: str) -> wire.Zone:
    return wire.Zone(
        id=zone.id,
        self_link=f"{base}/v1/zones/{zone.id}",
        kind=EntityKind.ZONE,
        name=zone.name,
        tags=[],
        state=zone.state,
    )
