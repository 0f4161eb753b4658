"""POST /v1/projects/{id}/capacity: how many more VMs of one sort fit, and what runs out first.

Nothing is held, so a moment later it may be another number. Rules between VMs are not counted: ask
for a dry run of one VM to see what they say.
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.api.found import the_project
from photon.api.handlers.lookups import affinities_of, usable_flavor, usable_image
from photon.api.handlers.networks import subnets_for
from photon.api.handlers.vm_demand import located
from photon.api.plane import Plane
from photon.api.quota_room import times_within
from photon.api.route import Call, NoQuery
from photon.api.views.placement import refusal_view
from photon.domain.demand import Demand, DiskDemand
from photon.domain.fits import Capacity
from photon.domain.flavor import FlavorKind, disk_cost
from photon.domain.quota import Amount, total
from photon.domain.readiness import Readiness
from photon.domain.vm_spec import check_affinities
from photon.scheduler.capacity import capacity_of
from photon.scheduler.misses import nearest_miss
from photon.scheduler.sentence import error_of
from photon.store.nouns import SUBNETS, ZONES
from photon.wire.v1 import capacity as wire
from photon.wire.v1.capacity import CapacitySpec, RunsOut, ZoneCapacity

# Each is asked of the tree by itself. A cloud has a handful; the others are left out.
ZONES_MAX: Final = 100
QUOTA: Final = "QUOTA"
_READY: Final = {"state": Readiness.READY}


async def show_capacity(plane: Plane, call: Call[NoQuery, CapacitySpec]) -> wire.Capacity:
    """How many more VMs of one sort could be made now, and what runs out first."""
    spec = call.body
    project = await the_project(plane, call.id)
    demand, cost = await _asked(plane, spec, project.id)
    found = capacity_of(await plane.scheduler.fits(demand))
    quota = times_within(await plane.store.quota(project.id), cost)
    within = None if quota is None else quota[0]
    count = found.count if within is None else min(found.count, within)
    return wire.Capacity(
        kind="capacity",
        count=count,
        on_hosts=found.count,
        within_quota=within,
        exact=found.exact,
        asked=spec.count,
        fits=None if spec.count is None else spec.count <= count,
        runs_out_first=_runs_out_first(demand, found, quota),
        refusal=refusal_view(found.refusal),
        zones=await _zones(plane, demand),
    )


async def _asked(
    plane: Plane, spec: CapacitySpec, project_id: str
) -> tuple[Demand, tuple[Amount, ...]]:
    """What one VM needs of hosts, and what it costs."""
    affinities = affinities_of(spec.affinities)
    check_affinities(affinities)
    flavor = await usable_flavor(plane, spec.flavor, FlavorKind.VM)
    disks, costs = [], [flavor.cost]
    image = None
    if spec.source_image_id is not None:
        image = await usable_image(plane, spec.source_image_id, project_id)
    for number, disk in enumerate(spec.attached_disks or ()):
        disk_flavor = await usable_flavor(plane, disk.flavor, FlavorKind.EPHEMERAL_DISK)
        gib = disk.capacity_gb or 0
        if disk.boot_disk and image is not None:
            gib = image.capacity_gib
        disks.append(DiskDemand(str(number), gib, disk_flavor.datastore_tags))
        costs.append(disk_cost(disk_flavor, gib))
    demand = Demand(
        id="",
        cpus=flavor.cpus,
        memory_mib=flavor.memory_mib,
        disks=tuple(disks),
        project_id=project_id,
        networks=await _networks(plane, spec),
        image_checksum="" if image is None else image.checksum,
    )
    return await located(plane, demand, affinities), total(costs)


async def _networks(plane: Plane, spec: CapacitySpec) -> tuple[str, ...]:
    if spec.subnets is None:
        default = await plane.kept.first(SUBNETS, {"is_default": True})
        return () if default is None else (default.port_groups[0],)
    return tuple(
        dict.fromkeys([each.port_groups[0] for each in await subnets_for(plane, spec.subnets)])
    )


def _runs_out_first(
    demand: Demand, found: Capacity, quota: tuple[int, str] | None
) -> RunsOut | None:
    if quota is not None and quota[0] < found.count:
        times, key = quota
        said = f"the project's quota has room for {times} more by its key {key}; raise its limit"
        return RunsOut(QUOTA, said, key=key)
    miss = nearest_miss(found.refusal)
    if miss is None:
        return None
    said = error_of(demand, found.refusal).explanation
    return RunsOut(miss.reason, said, hosts=miss.hosts, needed=miss.needed, left=miss.best)


async def _zones(plane: Plane, demand: Demand) -> list[ZoneCapacity]:
    if demand.zone_id is not None or demand.host_address is not None:
        return []
    zones = await plane.store.page(ZONES, _READY, limit=ZONES_MAX)
    answers = []
    for zone in zones.items:
        there = msgspec.structs.replace(demand, zone_id=zone.id)
        found = capacity_of(await plane.scheduler.fits(there))
        miss = nearest_miss(found.refusal)
        what = None if miss is None else miss.reason
        answers.append(ZoneCapacity(zone.id, zone.name, found.count, what))
    return answers
