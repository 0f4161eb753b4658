"""Placement once more, one host at a time in plain Python: slow, and plainly right."""

from __future__ import annotations

from dataclasses import dataclass, field

from photon.domain.demand import Demand, Reason
from photon.domain.guest import HostDatastore, HostMode
from photon.domain.host import HostState
from photon.domain.placement import HostView, share_disks


@dataclass
class PlainHost:
    view: HostView
    cpus: int
    memory_mib: int
    networks: frozenset[str]
    datastores: dict[str, HostDatastore]
    mode: HostMode = HostMode.NORMAL
    silent: bool = False
    held: dict[str, tuple[int, int, dict[str, int]]] = field(default_factory=dict)

    def free_cpus(self) -> int:
        offered = int(self.cpus * self.view.cpu_overcommit)
        return offered - sum(cpus for cpus, _, _ in self.held.values())

    def free_memory_mib(self) -> int:
        offered = int(self.memory_mib * self.view.memory_overcommit)
        return offered - sum(memory_mib for _, memory_mib, _ in self.held.values())

    def free_gib(self, datastore_id: str) -> int:
        """Of a datastore that no other host reaches."""
        held = sum(gib.get(datastore_id, 0) for _, _, gib in self.held.values())
        return self.datastores[datastore_id].capacity_gib - held

    def suiting(self, demand: Demand, tags: frozenset[str]) -> list[str]:
        return [
            each.id
            for each in self.datastores.values()
            if tags <= {*each.tags, each.type}
            and demand.datastore_id in (None, each.id)
            and demand.datastore_type in (None, each.type)
        ]


def why_not(host: PlainHost, demand: Demand) -> str | None:
    """None too when only room for disks lying apart is there."""
    fixed = _why_never(host, demand)
    if fixed is not None:
        return fixed
    if demand.cpus and demand.cpus > host.free_cpus():
        return Reason.TOO_LITTLE_CPU
    if demand.memory_mib and demand.memory_mib > host.free_memory_mib():
        return Reason.TOO_LITTLE_MEMORY
    gib = sum(disk.capacity_gib for disk in demand.disks)
    if gib and gib > max(_rooms(host, demand).values()):
        return Reason.TOO_LITTLE_DISK
    return None


def fits_apart(host: PlainHost, demand: Demand) -> bool:
    return (
        why_not(host, demand) is Reason.TOO_LITTLE_DISK
        and share_disks(demand.disks, _rooms(host, demand)) is not None
    )


def score(host: PlainHost, demand: Demand) -> float:
    offered_cpus = int(host.cpus * host.view.cpu_overcommit)
    offered_mib = int(host.memory_mib * host.view.memory_overcommit)
    return min(
        (host.free_cpus() - demand.cpus) / max(offered_cpus, 1),
        (host.free_memory_mib() - demand.memory_mib) / max(offered_mib, 1),
    )


def _rooms(host: PlainHost, demand: Demand) -> dict[str, int]:
    wanted = frozenset(tag for disk in demand.disks for tag in disk.datastore_tags)
    return {id: host.free_gib(id) for id in host.suiting(demand, wanted)}


def _why_never(host: PlainHost, demand: Demand) -> str | None:
    view = host.view
    reached = set(demand.datastores_reached) | {demand.datastore_id or ""} - {""}
    if view.id in demand.hosts_excluded:
        return Reason.EXCLUDED
    if view.state is not HostState.READY or host.mode is not HostMode.NORMAL:
        return Reason.NOT_READY
    if host.silent:
        return "MISSING"
    if demand.usage not in view.usage_tags:
        return Reason.WRONG_USAGE
    if demand.host_address not in (None, view.address):
        return Reason.OTHER_HOST
    if demand.zone_id not in (None, view.zone_id):
        return Reason.OTHER_ZONE
    if not set(demand.networks) <= host.networks:
        return Reason.NO_NETWORK
    if not reached <= set(host.datastores):
        return Reason.NO_DATASTORE_REACH
    return _why_no_datastore(host, demand)


def _why_no_datastore(host: PlainHost, demand: Demand) -> str | None:
    if not (demand.disks or demand.datastore_id or demand.datastore_type):
        return None
    alone = [disk.datastore_tags for disk in demand.disks] or [frozenset()]
    if not all(host.suiting(demand, tags) for tags in alone):
        return Reason.NO_DATASTORE_TAG
    if not host.suiting(demand, frozenset[str]().union(*alone)):
        return "DISKS_APART"
    return None
