"""Reads hosts.yaml: groups of hosts, and what they have."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from photon.domain.host_capacity import DATASTORES_A_HOST_MAX, TAGS_A_DATASTORE_MAX
from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT, OVERCOMMIT_MAX
from photon.plan.hosts import Datastore, HostGroup, HostPlan, Times
from photon.plan.problems import Sheet
from photon.plan.reading import Entry, Table, shown
from photon.plan.tree import read_tree

# More than this do not fit a simulation into a person's patience, nor a report on a page.
HOSTS_MAX: Final = 10_000
GROUPS_MAX: Final = 256  # Each is a paragraph that somebody wrote.
RACKS_MAX: Final = 1_000  # Ten hosts each, when there are as many hosts as can be.
NETWORKS_MAX: Final = 64  # Port groups of one host; each VM's network is looked for among them.
# No machine has more, for years to come: whoever writes more means another unit.
CPUS_MAX: Final = 4_096
MEMORY_MIB_MAX: Final = 64 << 20
DATASTORE_GIB_MAX: Final = 16 << 20
CONTROLLERS_MAX: Final = 5  # As many as anybody should run; each costs the simulation time.
TAKES_SECONDS_MAX: Final = 600.0  # Longer than a controller waits for an agent.

_TOP: Final = ("hosts", "zones", "controllers", "failover_share", "takes")
_GROUP: Final = (
    "name",
    "count",
    "cpus",
    "memory",
    "datastores",
    "networks",
    "zone",
    "rack",
    "racks",
    "overcommit",
)
_DATASTORE: Final = ("name", "size", "shared", "tags")
_DEFAULT_NETWORK: Final = "VM Network"


def read_hosts(path: Path) -> HostPlan:
    """Raises PlanWrong with all that is wrong in the file."""
    sheet = Sheet(str(path))
    table = Entry(sheet, read_tree(path, str(path)), "").table()
    table.known(_TOP)
    plan = HostPlan(
        groups=_groups(table),
        zone_of=_zones(table),
        controllers=_controllers(table),
        failover_share=_failover_share(table),
        times=_times(table),
    )
    _check_whole(table, plan)
    sheet.judge()
    return plan


def _zones(table: Table) -> dict[str, str]:
    """By rack."""
    found = table.find("zones")
    zone_of: dict[str, str] = {}
    for name, racks in found.table().each() if found else []:
        zone = name.name("name of a zone")
        for entry in racks.entries(RACKS_MAX):
            rack = entry.name("name of a rack")
            if rack in zone_of:
                entry.wrong(f"the rack {shown(rack)} is in the zone {zone_of[rack]} already.")
            zone_of[rack] = zone
    return zone_of


def _groups(table: Table) -> tuple[HostGroup, ...]:
    found = table.get("hosts", "a list of groups of hosts")
    entries = found.entries(GROUPS_MAX) if found is not None else []
    if found is not None and not entries:
        found.wrong("there are no hosts; write one group at least.")
    groups: dict[str, HostGroup] = {}
    for entry in entries:
        group = _group(entry.table())
        if group.name in groups:
            entry.wrong(f"another group is called {shown(group.name)} already.")
        groups[group.name] = group
    return tuple(groups.values())


def _group(table: Table) -> HostGroup:
    table.known(_GROUP)
    name = table.get("name", "compute")
    count = table.get("count", "10")
    cpus = table.get("cpus", "64")
    memory = table.get("memory", "256GB")
    zone = table.find("zone")
    overcommit = _overcommit(table)
    return HostGroup(
        name=name.name() if name else "",
        count=count.whole(1, HOSTS_MAX) if count else 1,
        cpus=cpus.whole(1, CPUS_MAX) if cpus else 1,
        memory_mib=memory.mib(256, MEMORY_MIB_MAX, "256GB") if memory else 1,
        datastores=_datastores(table),
        networks=_networks(table),
        zone=zone.name("name of a zone") if zone else "",
        racks=_racks(table),
        cpu_overcommit=overcommit[0],
        memory_overcommit=overcommit[1],
    )


def _datastores(table: Table) -> tuple[Datastore, ...]:
    found = table.get("datastores", "[{name: local, size: 4TB}]")
    entries = found.entries(DATASTORES_A_HOST_MAX) if found else []
    if found is not None and not entries:
        found.wrong("a host needs a datastore for the disks of its VMs.")
    datastores: dict[str, Datastore] = {}
    for entry in entries:
        datastore = _datastore(entry.table())
        if datastore.name in datastores:
            entry.wrong(f"another datastore is called {shown(datastore.name)} already.")
        datastores[datastore.name] = datastore
    return tuple(datastores.values())


def _datastore(table: Table) -> Datastore:
    table.known(_DATASTORE)
    name = table.get("name", "local")
    size = table.get("size", "4TB")
    shared = table.find("shared")
    tags = table.find("tags")
    said = tags.entries(TAGS_A_DATASTORE_MAX) if tags else []
    return Datastore(
        name=name.name() if name else "",
        gib=size.gib(1, DATASTORE_GIB_MAX, "4TB") if size else 1,
        shared=shared.yes() if shared else False,
        tags=tuple(dict.fromkeys(tag.name("tag").upper() for tag in said)),
    )


def _networks(table: Table) -> tuple[str, ...]:
    found = table.find("networks")
    if found is None:
        return (_DEFAULT_NETWORK,)
    return tuple(dict.fromkeys(entry.label() for entry in found.entries(NETWORKS_MAX)))


def _racks(table: Table) -> tuple[str, ...]:
    one, several = table.find("rack"), table.find("racks")
    if one is not None and several is not None:
        table.wrong("write either rack or racks.")
    if several is not None:
        entries = several.entries(RACKS_MAX)
        names = [entry.name("name of a rack") for entry in entries]
        for entry, name in zip(entries, names, strict=True):
            if names.count(name) > 1:
                entry.wrong(f"the rack {shown(name)} stands here twice.")
        return tuple(names)
    return (one.name("name of a rack"),) if one is not None else ()


def _overcommit(table: Table) -> tuple[float, float]:
    found = table.find("overcommit")
    if found is None:
        return CPU_OVERCOMMIT, MEMORY_OVERCOMMIT
    both = found.table()
    both.known(("cpu", "memory"))
    cpu, memory = both.find("cpu"), both.find("memory")
    return (
        cpu.number(0.1, OVERCOMMIT_MAX) if cpu else CPU_OVERCOMMIT,
        memory.number(0.1, OVERCOMMIT_MAX) if memory else MEMORY_OVERCOMMIT,
    )


def _controllers(table: Table) -> int:
    found = table.find("controllers")
    return found.whole(1, CONTROLLERS_MAX) if found else HostPlan.controllers


def _failover_share(table: Table) -> float:
    found = table.find("failover_share")
    return found.number(0.0, 0.9) if found else HostPlan.failover_share


def _times(table: Table) -> Times:
    found = table.find("takes")
    if found is None:
        return Times()
    times = found.table()
    times.known(("create", "delete", "image"))
    said = {
        name: entry.seconds(0.0, TAKES_SECONDS_MAX)
        for name in ("create", "delete", "image")
        if (entry := times.find(name)) is not None
    }
    return Times(**said)


def _check_whole(table: Table, plan: HostPlan) -> None:
    """What no single group shows."""
    count = sum(group.count for group in plan.groups)
    if count > HOSTS_MAX:
        table.wrong(f"{count:,} hosts in all; {HOSTS_MAX:,} are the most that can be planned.")
        return
    zone_of = dict(plan.zone_of)
    shared: dict[str, Datastore] = {}
    for group in plan.groups:
        for rack in group.racks if group.zone else ():
            known = zone_of.setdefault(rack, group.zone)
            if known != group.zone:
                table.wrong(
                    f"the group {shown(group.name)} is in the zone {shown(group.zone)}, but its "
                    f"rack {shown(rack)} is in {shown(known)}; a rack is in one zone."
                )
        for datastore in group.datastores:
            if datastore.shared and shared.setdefault(datastore.name, datastore) != datastore:
                table.wrong(
                    f"the shared datastore {shown(datastore.name)} is one for all groups, but "
                    f"{shown(group.name)} gives it another size or other tags."
                )
    addresses = [host.address for host in plan.hosts]
    if len(set(addresses)) != len(addresses):
        table.wrong("two hosts get one name; call the groups or their racks otherwise.")
