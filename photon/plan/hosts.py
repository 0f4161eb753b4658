"""The hosts of a plan: groups of alike machines, and each machine of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from photon.domain.guest import HostCapacity, HostDatastore
from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT

HYPERVISOR: Final = "simulated"
NO_RACK: Final = ""
NO_ZONE: Final = ""


@dataclass(frozen=True, slots=True)
class Datastore:
    """Of each host its own, or `shared`: one for all hosts that name it."""

    name: str
    gib: int
    shared: bool = False
    tags: tuple[str, ...] = ()

    def on(self, address: str) -> HostDatastore:
        id = self.name if self.shared else f"{address}-{self.name}"
        kind = "SHARED_VMFS" if self.shared else "LOCAL_VMFS"
        return HostDatastore(id, id, kind, frozenset(self.tags), self.gib, self.gib)


@dataclass(frozen=True, slots=True)
class HostGroup:
    """`count` machines, dealt to `racks` in turn. Amounts are before overcommit. `zone` is that of
    machines in no rack, or in a rack of which nobody says in which zone it is."""

    name: str
    count: int
    cpus: int
    memory_mib: int
    datastores: tuple[Datastore, ...]
    networks: tuple[str, ...]
    zone: str = NO_ZONE
    racks: tuple[str, ...] = ()
    cpu_overcommit: float = CPU_OVERCOMMIT
    memory_overcommit: float = MEMORY_OVERCOMMIT


@dataclass(frozen=True, slots=True)
class PlannedHost:
    address: str
    group: HostGroup
    rack: str = NO_RACK
    zone: str = NO_ZONE

    @property
    def cpus_offered(self) -> int:
        """Overcommit included, as its agent counts it."""
        return int(self.group.cpus * self.group.cpu_overcommit)

    @property
    def memory_mib_offered(self) -> int:
        return int(self.group.memory_mib * self.group.memory_overcommit)

    def capacity(self) -> HostCapacity:
        """What its agent says that it has."""
        group = self.group
        datastores = tuple(each.on(self.address) for each in group.datastores)
        return HostCapacity(group.cpus, group.memory_mib, datastores, group.networks, HYPERVISOR)


@dataclass(frozen=True, slots=True)
class Times:
    """How long things take on a host, in seconds. A create is what a copy-on-write child of an
    image takes; the first VM of a host waits for the image as well."""

    create: float = 2.0
    delete: float = 1.0
    image: float = 20.0


@dataclass(frozen=True)
class HostPlan:
    """`zone_of` is by rack."""

    groups: tuple[HostGroup, ...]
    zone_of: Mapping[str, str] = field(default_factory=dict)
    controllers: int = 3
    failover_share: float = 0.0
    times: Times = field(default_factory=Times)

    @cached_property
    def hosts(self) -> tuple[PlannedHost, ...]:
        return tuple(host for group in self.groups for host in _hosts(group, self.zone_of))

    @cached_property
    def zones(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(host.zone for host in self.hosts if host.zone))

    @cached_property
    def racks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(host.rack for host in self.hosts if host.rack))

    @cached_property
    def networks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for group in self.groups for name in group.networks))

    @cached_property
    def datastore_tags(self) -> frozenset[str]:
        return frozenset(
            tag for group in self.groups for each in group.datastores for tag in each.tags
        )

    def addresses(self, kind: str, name: str) -> tuple[str, ...]:
        """Of the hosts of a rack, a zone or a group, or the one host of that name."""
        return self._addresses.get((kind, name), ())

    @cached_property
    def _addresses(self) -> Mapping[tuple[str, str], tuple[str, ...]]:
        found: dict[tuple[str, str], list[str]] = {}
        for host in self.hosts:
            places = (
                ("rack", host.rack),
                ("zone", host.zone),
                ("group", host.group.name),
                ("host", host.address),
            )
            for place in places:
                found.setdefault(place, []).append(host.address)
        return {place: tuple(addresses) for place, addresses in found.items()}


def _hosts(group: HostGroup, zone_of: Mapping[str, str]) -> Iterator[PlannedHost]:
    """`web-07`, or `web-r2-03` in racks: numbered within each rack."""
    racks = group.racks or (NO_RACK,)
    digits = len(str(-(-group.count // len(racks))))
    for number in range(group.count):
        rack = racks[number % len(racks)]
        name = f"{group.name}-{rack}" if len(racks) > 1 else group.name
        address = f"{name}-{number // len(racks) + 1:0{digits}}"
        yield PlannedHost(address, group, rack, zone_of.get(rack, group.zone))
