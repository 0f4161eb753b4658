"""What a parent knows of a child: enough to choose among children, never enough to choose a host.

All amounts are upper bounds of what one placement finds: a child that a summary rules out cannot
have had room when the summary was made.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from photon.domain.demand import Demand, NoPlacement, Reason, ReasonCount
from photon.domain.host import UsageTag
from photon.domain.placement import labels_asked
from photon.scheduler.table import HostTable, Mask

# vCPUs and MiB of usual guests, from the smallest up: free capacity is counted in these, because
# a hundred hosts with 1 GiB each are no room for a guest of 4 GiB.
SHAPES: Final = ((1, 1024), (2, 4096), (4, 8192), (8, 16384), (16, 65536))


class Summary(msgspec.Struct, frozen=True):
    """Amounts and facts are of the hosts that could take something; `hosts` are all."""

    generation: int = 0
    hosts: int = 0
    hosts_ready: int = 0
    room: tuple[int, ...] = (0,) * len(SHAPES)  # how many guests of each shape
    largest_cpus: int = 0  # on one host
    largest_memory_mib: int = 0  # on one host
    largest_gib: int = 0  # on one datastore
    usage: frozenset[UsageTag] = frozenset()
    zones: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    datastores: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()  # of any of its datastores, types among them
    images: frozenset[str] = frozenset()

    def room_for(self, demand: Demand) -> int:
        """How many guests as large as the next larger shape; 1 for what is larger than all."""
        for (cpus, memory_mib), room in zip(SHAPES, self.room, strict=True):
            if demand.cpus <= cpus and demand.memory_mib <= memory_mib:
                return room
        return min(1, self.hosts_ready)


def summarise(table: HostTable, generation: int) -> Summary:
    able = table.ready & table.answers
    hosts = [table.hosts[row] for row in np.flatnonzero(able)]
    views = [host.view for host in hosts if host.view is not None]
    datastores = {datastore for host in hosts for datastore in host.datastores}
    return Summary(
        generation=generation,
        hosts=len(table),
        hosts_ready=len(hosts),
        room=tuple(_room(table, able, cpus, memory_mib) for cpus, memory_mib in SHAPES),
        largest_cpus=int(table.free_cpus[able].max(initial=0)),
        largest_memory_mib=int(table.free_memory_mib[able].max(initial=0)),
        largest_gib=max((datastore.free_gib for datastore in datastores), default=0),
        usage=frozenset(tag for view in views for tag in view.usage_tags),
        zones=frozenset(view.zone_id for view in views if view.zone_id is not None),
        addresses=frozenset(view.address for view in views),
        networks=frozenset(network for view in views for network in view.networks),
        datastores=frozenset(datastore.id for datastore in datastores),
        labels=frozenset(label for datastore in datastores for label in datastore.labels),
        images=frozenset(image for host in hosts for image in host.images),
    )


def ruled_out(summary: Summary, demand: Demand) -> NoPlacement | None:
    """The one reason for which none of the child's hosts can take it, if the summary shows one."""
    miss = _miss(summary, demand)
    if miss is None:
        return None
    return NoPlacement(summary.hosts, (miss,) if summary.hosts else ())


def _miss(summary: Summary, demand: Demand) -> ReasonCount | None:
    hosts = summary.hosts
    reached = set(demand.datastores_reached) | {demand.datastore_id} - {None}
    facts = (
        (Reason.NOT_READY, summary.hosts_ready > 0),
        (Reason.WRONG_USAGE, demand.usage in summary.usage),
        (Reason.OTHER_HOST, demand.host_address in (None, *summary.addresses)),
        (Reason.OTHER_ZONE, demand.zone_id is None or demand.zone_id in summary.zones),
        (Reason.NO_NETWORK, summary.networks.issuperset(demand.networks)),
        (Reason.NO_DATASTORE_REACH, reached <= summary.datastores),
        (Reason.NO_DATASTORE_TAG, labels_asked(demand.disks) <= summary.labels),
    )
    for reason, holds in facts:
        if not holds:
            return ReasonCount(reason, hosts)
    largest_gib = max((disk.capacity_gib for disk in demand.disks), default=0)
    amounts = (
        (Reason.TOO_LITTLE_CPU, demand.cpus, summary.largest_cpus),
        (Reason.TOO_LITTLE_MEMORY, demand.memory_mib, summary.largest_memory_mib),
        (Reason.TOO_LITTLE_DISK, largest_gib, summary.largest_gib),
    )
    for reason, needed, best in amounts:
        if needed > best:
            return ReasonCount(reason, hosts, needed, best)
    return None


def _room(table: HostTable, able: Mask, cpus: int, memory_mib: int) -> int:
    fits = np.minimum(table.free_cpus // cpus, table.free_memory_mib // memory_mib)
    return int(np.maximum(fits, 0)[able].sum())
