"""What a VM that is asked for demands of the scheduler: its size, its constraints, its wishes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from photon.api.found import the_disk
from photon.api.handlers.lookups import usable_zone
from photon.api.plane import Plane
from photon.domain.affinity import Affinity, AffinityKind
from photon.domain.demand import Demand, DiskDemand, Strategy, Wish
from photon.domain.disk import PersistentDisk
from photon.domain.flavor import Flavor
from photon.domain.image import Image
from photon.domain.placement_asked import PlacementAsked, RuleAsked, check_rules, group_rules
from photon.domain.vm import Nic, Vm
from photon.store.nouns import HOSTS
from photon.wire.v1.placement import VmPlacementSpec

_ZONE: Final = AffinityKind.AVAILABILITY_ZONE


def asked_of(spec: VmPlacementSpec | None) -> PlacementAsked | None:
    """None for a spec that asks for nothing.

    Raises:
        InvalidEntity: a rule says too much, or too little.
    """
    if spec is None:
        return None
    rules = tuple([RuleAsked(**msgspec.structs.asdict(rule)) for rule in spec.rules or ()])
    check_rules(rules)
    asked = PlacementAsked(spec.strategy, tuple(sorted(set(spec.groups or ()))), rules)
    return None if asked == PlacementAsked() else asked


async def demand_of(
    plane: Plane,
    vm: Vm,
    nics: Sequence[Nic],
    disk_flavors: dict[str, Flavor],
    image: Image,
) -> Demand:
    """All but the strategy, which may be the project's.

    Raises:
        ZoneNotFound, InvalidZoneState, DiskNotFound: it names what is not there.
    """
    tags = {name: flavor.datastore_tags for name, flavor in disk_flavors.items()}
    demand = Demand(
        id=vm.id,
        cpus=vm.cpus,
        memory_mib=vm.memory_mib,
        disks=tuple(DiskDemand(d.id, d.capacity_gib, tags[d.flavor]) for d in vm.disks),
        project_id=vm.project_id,
        networks=tuple(dict.fromkeys([nic.network for nic in nics])),
        image_checksum=image.checksum,
        groups=vm.group_keys,
    )
    return await located(plane, demand, vm.affinities) if vm.affinities else demand


def with_strategy(demand: Demand, vm: Vm, usual: Strategy) -> Demand:
    """`usual` is the project's."""
    asked = vm.asked
    if asked is None:
        return demand if usual is demand.strategy else _replace(demand, strategy=usual)
    return _replace(
        demand,
        strategy=asked.strategy or usual,
        rules=group_rules(vm.project_id, asked.rules),
    )


async def located(plane: Plane, demand: Demand, affinities: Sequence[Affinity]) -> Demand:
    """The demand with where it must be, and where it would like to be."""
    for affinity in affinities:
        if affinity.kind is _ZONE:
            await usable_zone(plane, affinity.id)
    hard = [affinity for affinity in affinities if not affinity.soft]
    named = {affinity.kind: affinity.id for affinity in hard}
    port_groups = [each.id for each in hard if each.kind is AffinityKind.PORT_GROUP]
    disks = [await the_disk(plane, each.id) for each in hard if each.kind is AffinityKind.DISK]
    return _replace(
        demand,
        networks=tuple(dict.fromkeys([*demand.networks, *port_groups])),
        zone_id=named.get(_ZONE),
        host_address=named.get(AffinityKind.HOST) or await _host_of(plane, disks),
        datastore_id=named.get(AffinityKind.DATASTORE),
        datastore_type=named.get(AffinityKind.DATASTORE_TYPE),
        datastores_reached=frozenset(disk.datastore_id for disk in disks if disk.datastore_id),
        wishes=tuple([Wish(each.kind, each.id) for each in affinities if each.soft]),
    )


async def _host_of(plane: Plane, disks: Sequence[PersistentDisk]) -> str | None:
    """A disk is attached on the host that made it, also if others reach its datastore."""
    for disk in disks:
        host = None if disk.host_id is None else await plane.store.find(HOSTS, disk.host_id)
        if host is not None:
            return host.address
    return None


_replace: Final = msgspec.structs.replace
