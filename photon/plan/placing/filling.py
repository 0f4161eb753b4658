"""How many fit, by the scheduler alone: placed until none finds room."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from photon.domain.demand import NoPlacement, ReasonCount
from photon.plan.hosts import PlannedHost
from photon.plan.placing.cloud import Placed, PlacingCloud
from photon.plan.progress import Progress
from photon.plan.result import Fit, HostLoad, Reason, balance_of, nearest_told
from photon.plan.workload import Wants


async def filled(cloud: PlacingCloud, flavor: str, on: str, most: int, progress: Progress) -> Fit:
    """Changes the cloud for good: play it in a branch."""
    wants = Wants(flavor)
    said = await cloud.foretold(wants)
    said_by_zone = {
        zone: (await cloud.foretold(wants, zone)).count for zone in sorted(cloud.hosts.zones)
    }
    made: list[Placed] = []
    refusal: NoPlacement | None = None
    while len(made) < most and refusal is None:
        found = await cloud.place("", wants)
        if isinstance(found, NoPlacement):
            refusal = found
        else:
            made.append(found)
            progress.step()
    why = refusal.reasons if refusal else ()
    lacks = refusal.nearest.lacks if refusal and refusal.nearest else ()
    return Fit(
        flavor=flavor,
        on=on,
        made=len(made),
        scheduler_said=said.count,
        exact=said.exact,
        by_zone=by_zone(cloud, made),
        said_by_zone=said_by_zone,
        runs_out_first=lacks[0].reason if lacks else why[0].reason if why else "",
        why=tuple(map(_reason, why)),
        nearest=nearest_told(refusal.nearest.host_address, lacks)
        if refusal and refusal.nearest
        else "",
        balance=balance_of([load.load for load in loads_of(cloud)]),
        took_seconds=0.0,
        stopped_early=refusal is None,
    )


def _reason(count: ReasonCount) -> Reason:
    return Reason(count.reason, count.hosts, count.needed, count.best)


def by_zone(cloud: PlacingCloud, placed: Iterable[Placed]) -> dict[str, int]:
    """How many of these VMs are in each zone; zones in the order of the file."""
    zone_of = {host.address: host.zone for host in cloud.hosts.hosts}
    counts = Counter(zone_of[each.address] for each in placed)
    return {zone: counts[zone] for zone in dict.fromkeys(zone_of.values())}


def loads_of(cloud: PlacingCloud) -> list[HostLoad]:
    """Of every host, in the order of the file."""
    return [_load(cloud, host) for host in cloud.hosts.hosts]


def _load(cloud: PlacingCloud, host: PlannedHost) -> HostLoad:
    there = cloud.placed[host.address].values()
    cpus = sum(each.demand.cpus for each in there)
    memory_mib = sum(each.demand.memory_mib for each in there)
    return HostLoad(
        host=host.address,
        zone=host.zone,
        rack=host.rack,
        vms=len(there),
        cpu=round(cpus / max(host.cpus_offered, 1), 4),
        memory=round(memory_mib / max(host.memory_mib_offered, 1), 4),
    )
