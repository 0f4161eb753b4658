"""Reads workload.yaml: flavors, the VMs that run, and which questions are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from photon.plan.events_file import read_events
from photon.plan.hosts import HostPlan
from photon.plan.hosts_file import CPUS_MAX, MEMORY_MIB_MAX
from photon.plan.kinds import AGENT, CONTROLLER, KINDS, RACK, STORE, ZONE, names_of
from photon.plan.problems import Sheet
from photon.plan.reading import Entry, Table, shown
from photon.plan.sets_file import read_arriving, read_standing
from photon.plan.tree import read_tree
from photon.plan.workload import ArrivingSet, PlannedFlavor, StandingSet, WorkloadPlan
from photon.wire.v1.vm import CAPACITY_GIB_MAX, DISKS_A_VM_MAX

FLAVORS_MAX: Final = 50  # Each may be filled once, which takes the longest of all.
IMAGE_GIB: Final = 10  # What a boot disk has when nobody says.
TAGS_MAX: Final = 8  # As many as a datastore can have.
# A day of a busy cloud is a simulation of many minutes; more is asked for by mistake.
DURATION_SECONDS_MAX: Final = 7 * 86_400.0
OUTAGE_SECONDS_MAX: Final = 86_400.0  # Hosts that are away for longer are not waited for.
# Each of them goes the whole way, through API, saga, scheduler and agent: some milliseconds.
VMS_MAX: Final = 50_000
ARRIVALS_MAX: Final = 50_000  # As above: so many are to be expected in the whole time.

_TOP: Final = (
    "image",
    "flavors",
    "fit",
    "start",
    "vms",
    "arrivals",
    "drills",
    "outage",
    "duration",
    "events",
)
_DRILLS: Final = {
    "racks": RACK,
    "zones": ZONE,
    "agent": AGENT,
    "controllers": CONTROLLER,
    "store": STORE,
}
_NONE: Final = "none"


def read_workload(path: Path, hosts: HostPlan) -> WorkloadPlan:
    """Raises PlanWrong with all that is wrong in the file, or does not go with the hosts."""
    sheet = Sheet(str(path))
    table = Entry(sheet, read_tree(path, str(path)), "").table()
    table.known(_TOP)
    flavors = _flavors(table, hosts)
    names = [flavor.name for flavor in flavors]
    duration_seconds = _seconds(table, "duration", DURATION_SECONDS_MAX, 0.0)
    standing = read_standing(table, names, hosts)
    arriving = read_arriving(table, names, hosts, duration_seconds)
    plan = WorkloadPlan(
        image_gib=_image(table),
        flavors=flavors,
        fit=_fit(table, names),
        standing=standing,
        arriving=arriving,
        drills=_drills(table, hosts),
        outage_seconds=_seconds(table, "outage", OUTAGE_SECONDS_MAX, WorkloadPlan.outage_seconds),
        duration_seconds=duration_seconds,
        events=read_events(table, hosts, duration_seconds),
        start=_start(table),
    )
    _check_whole(table, standing, arriving)
    sheet.judge()
    return plan


def _image(table: Table) -> int:
    found = table.find("image")
    return found.gib(1, CAPACITY_GIB_MAX, "10GB") if found else IMAGE_GIB


def _flavors(table: Table, hosts: HostPlan) -> tuple[PlannedFlavor, ...]:
    found = table.get("flavors", "{small: {cpus: 1, memory: 2GB}}")
    each = found.table().each() if found is not None else []
    if found is not None and not each:
        found.wrong("there is no flavor; write one, such as 'small: {cpus: 1, memory: 2GB}'.")
    if found is not None and len(each) > FLAVORS_MAX:
        found.wrong(f"{len(each)} flavors; {FLAVORS_MAX} are the most that can be planned.")
    return tuple(_flavor(name, entry, hosts) for name, entry in each[:FLAVORS_MAX])


def _flavor(name: Entry, entry: Entry, hosts: HostPlan) -> PlannedFlavor:
    table = entry.table()
    table.known(("cpus", "memory", "disks", "tags"))
    cpus = table.get("cpus", "1")
    memory = table.get("memory", "2GB")
    disks = table.find("disks")
    tags = table.find("tags")
    flavor = PlannedFlavor(
        name=name.name("name of a flavor"),
        cpus=cpus.whole(1, CPUS_MAX) if cpus else 1,
        memory_mib=memory.mib(1, MEMORY_MIB_MAX, "2GB") if memory else 1,
        # One place is the boot disk's.
        disks_gib=tuple(
            disk.gib(1, CAPACITY_GIB_MAX, "100GB") for disk in disks.entries(DISKS_A_VM_MAX - 1)
        )
        if disks
        else (),
        tags=tuple(tag.name("tag").upper() for tag in tags.entries(TAGS_MAX)) if tags else (),
    )
    for tag in flavor.tags:
        if tags is not None and tag not in hosts.datastore_tags:
            tags.wrong(f"no datastore of the hosts' file has the tag {shown(tag)}.")
    return flavor


def _start(table: Table) -> bool:
    found = table.find("start")
    return found.yes() if found else WorkloadPlan.start


def _fit(table: Table, flavors: list[str]) -> tuple[str, ...]:
    found = table.find("fit")
    if found is None:
        return tuple(flavors)
    entries = found.entries(FLAVORS_MAX)
    if [entry.text() for entry in entries] == [_NONE]:
        return ()
    return tuple(dict.fromkeys(entry.one_of(flavors) for entry in entries if flavors))


def _drills(table: Table, hosts: HostPlan) -> tuple[str, ...]:
    """Without a word about it, all, as far as there are any."""
    found = table.find("drills")
    if found is None:
        return tuple(kind for kind in KINDS if names_of(hosts, kind))
    entries = found.entries(len(_DRILLS))
    if [entry.text() for entry in entries] == [_NONE]:
        return ()
    for entry in entries:
        kind = entry.one_of(list(_DRILLS))
        if not names_of(hosts, _DRILLS[kind]):
            entry.wrong(f"the hosts' file has no {kind}.")
    return tuple(dict.fromkeys(_DRILLS[entry.one_of(list(_DRILLS))] for entry in entries))


def _seconds(table: Table, name: str, most: float, default: float) -> float:
    found = table.find(name)
    return found.seconds(1.0, most) if found else default


def _check_whole(
    table: Table, standing: tuple[StandingSet, ...], arriving: tuple[ArrivingSet, ...]
) -> None:
    """What no single set shows."""
    count = sum(each.count for each in standing)
    if count > VMS_MAX:
        table.wrong(f"{count:,} VMs in all; {VMS_MAX:,} are the most that can be planned.")
    expected = sum(
        each.per_second * max(each.until_seconds - each.from_seconds, 0.0) for each in arriving
    )
    if expected > ARRIVALS_MAX:
        table.wrong(
            f"some {expected:,.0f} VMs would arrive; {ARRIVALS_MAX:,} are the most that can be "
            "planned: lower a rate, or end sooner."
        )
    names = [*(each.name for each in standing), *(each.name for each in arriving)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        table.wrong(f"two sets of VMs are called {shown(name)}; each needs a name of its own.")
