"""What a plan's hosts offer, added up."""

from __future__ import annotations

from photon.plan.hosts import HostPlan
from photon.plan.result import ZoneTotals


def totals_of(hosts: HostPlan) -> tuple[ZoneTotals, ...]:
    """By zone, in the order of the file."""
    totals = []
    for zone in dict.fromkeys(host.zone for host in hosts.hosts):
        there = [host for host in hosts.hosts if host.zone == zone]
        gib = {each.id: each.capacity_gib for host in there for each in host.capacity().datastores}
        totals.append(
            ZoneTotals(
                zone=zone,
                hosts=len(there),
                racks=len({host.rack for host in there if host.rack}),
                cpus=sum(host.cpus_offered for host in there),
                memory_mib=sum(host.memory_mib_offered for host in there),
                datastore_gib=sum(gib.values()),
            )
        )
    return tuple(totals)
