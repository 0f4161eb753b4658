"""What placement's words mean: what a host offers, and what disks want.

Which host a demand goes to is decided over many hosts at once, in `photon.scheduler`; what is here
says what the words of that decision mean. Amounts are vCPUs, MiB of memory and GiB of disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from photon.domain.demand import Demand, DiskDemand, DiskPlacement
from photon.domain.guest import HostDatastore
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT

# A thin disk may be filled by its owner at any time: what was promised is what is counted.
DATASTORE_OVERCOMMIT: Final = 1.0

NFS_LABEL: Final = "NFS"
_NFS_TYPES: Final = "NFS_"


class HostView(msgspec.Struct, frozen=True):
    """A host as its scheduler must know it; what it holds comes from its agent's reports.

    `cpus`, `memory_mib` and `networks` are a first belief: an inventory replaces them.
    """

    id: str
    address: str
    agent_endpoint: str
    state: HostState
    usage_tags: frozenset[UsageTag]
    zone_id: str | None = None
    cpus: int = 0
    memory_mib: int = 0
    networks: frozenset[str] = frozenset()
    cpu_overcommit: float = CPU_OVERCOMMIT
    memory_overcommit: float = MEMORY_OVERCOMMIT

    @staticmethod
    def of(host: Host) -> HostView:
        return HostView(
            id=host.id,
            address=host.address,
            agent_endpoint=host.agent_endpoint,
            state=host.state,
            usage_tags=frozenset(host.usage_tags),
            zone_id=host.zone_id,
            cpus=host.cpus,
            memory_mib=host.memory_mib,
            networks=frozenset(host.networks),
            cpu_overcommit=host.cpu_overcommit,
            memory_overcommit=host.memory_overcommit,
        )

    @property
    def cpus_offered(self) -> int:
        return int(self.cpus * self.cpu_overcommit)

    @property
    def memory_mib_offered(self) -> int:
        return int(self.memory_mib * self.memory_overcommit)


def storage_labels(datastore: HostDatastore) -> frozenset[str]:
    """What a disk's storage tag may name: the datastore's tags, its type, NFS for either NFS."""
    labels = {tag.upper() for tag in datastore.tags}
    labels.add(datastore.type.upper())
    if datastore.type.upper().startswith(_NFS_TYPES):
        labels.add(NFS_LABEL)
    return frozenset(labels)


def labels_asked(tags_by_disk: Iterable[frozenset[str]]) -> frozenset[str]:
    """A VM's disks lie together where they can, so one datastore must have all their tags."""
    return frozenset(tag.upper() for tags in tags_by_disk for tag in tags)


def needs_datastore(demand: Demand) -> bool:
    return bool(demand.disk_tags or demand.datastore_id or demand.datastore_type)


def share_disks(
    disks: Sequence[DiskDemand], free_gib: Mapping[str, int]
) -> tuple[DiskPlacement, ...] | None:
    """Where each disk goes: all on the datastore with the most room, or the largest disk first,
    each where most is left. None when that does not work out. Ties go to the lower id."""
    left = dict(free_gib)
    if not left:
        return None
    roomiest = _roomiest(left)
    if left[roomiest] >= sum(disk.capacity_gib for disk in disks):
        return tuple(DiskPlacement(disk.id, roomiest) for disk in disks)
    chosen: dict[str, str] = {}
    for disk in sorted(disks, key=lambda disk: (-disk.capacity_gib, disk.id)):
        roomiest = _roomiest(left)
        left[roomiest] -= disk.capacity_gib
        if left[roomiest] < 0:
            return None
        chosen[disk.id] = roomiest
    return tuple(DiskPlacement(disk.id, chosen[disk.id]) for disk in disks)


def _roomiest(left: Mapping[str, int]) -> str:
    return min(left, key=lambda id: (-left[id], id))
