"""Reads the sets of VMs in workload.yaml, and where each wants to be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from photon.domain.demand import Strategy
from photon.plan.hosts import HostPlan
from photon.plan.reading import Entry, Table, listed
from photon.plan.workload import Apart, ArrivingSet, StandingSet, Wants
from photon.wire.v1.placement import MEMBERS_MAX, RULES_A_VM_MAX
from photon.wire.v1.vm import SUBNETS_A_VM_MAX

SETS_MAX: Final = 100  # Of each sort: as many as a report can tell apart.
SET_COUNT_MAX: Final = 50_000  # More are asked for by mistake.
PER_SECOND_MAX: Final = 1_000.0  # Many times what any cloud was seen to be asked.
# A VM that lives for longer than any simulation lasts may as well stay.
LIFETIME_SECONDS_MAX: Final = 365 * 86_400.0

_WANTS: Final = ("flavor", "policy", "zone", "networks", "apart", "apart_from", "near")
_POLICIES: Final = {"spread": Strategy.SPREAD, "pack": Strategy.PACK}


def read_standing(table: Table, flavors: Sequence[str], hosts: HostPlan) -> tuple[StandingSet, ...]:
    found = table.find("vms")
    tables = [entry.table() for entry in found.entries(SETS_MAX)] if found else []
    names = set_names(table)
    sets = []
    for each in tables:
        each.known(("name", "count", *_WANTS))
        name, count = each.get("name", "web"), each.get("count", "10")
        said = name.name() if name else ""
        standing = StandingSet(
            name=said,
            count=count.whole(1, SET_COUNT_MAX) if count else 1,
            wants=_wants(each, said, flavors, (names, hosts)),
        )
        sets.append(standing)
    return tuple(sets)


def read_arriving(
    table: Table, flavors: Sequence[str], hosts: HostPlan, duration_seconds: float
) -> tuple[ArrivingSet, ...]:
    found = table.find("arrivals")
    tables = [entry.table() for entry in found.entries(SETS_MAX)] if found else []
    if found is not None and tables and not duration_seconds:
        found.wrong("VMs arrive in time: say for how long, such as 'duration: 1h', at the top.")
    names = set_names(table)
    return tuple(_arriving(each, flavors, (names, hosts), duration_seconds) for each in tables)


def _arriving(
    table: Table, flavors: Sequence[str], known: tuple[list[str], HostPlan], duration: float
) -> ArrivingSet:
    table.known(("name", "rate", "lifetime", "from", "until", *_WANTS))
    name, rate = table.get("name", "batch"), table.get("rate", "30/h")
    lifetime, begin, end = table.find("lifetime"), table.find("from"), table.find("until")
    from_seconds = begin.seconds(0.0, duration or 1.0) if begin else 0.0
    until_seconds = end.seconds(0.0, duration or 1.0) if end else duration
    if end is not None and until_seconds < from_seconds:
        end.wrong("it ends before it begins.")
    said = name.name() if name else ""
    return ArrivingSet(
        name=said,
        per_second=rate.per_second(PER_SECOND_MAX) if rate else 1.0,
        lifetime_seconds=lifetime.seconds(1.0, LIFETIME_SECONDS_MAX) if lifetime else None,
        from_seconds=from_seconds,
        until_seconds=until_seconds,
        wants=_wants(table, said, flavors, known),
    )


def set_names(table: Table) -> list[str]:
    """Of all sets of the file, whatever else is wrong with them."""
    names = []
    for part in ("vms", "arrivals"):
        found = table.find(part)
        value = getattr(found.value, "items", None) if found else None
        for item in value if isinstance(value, list) else []:
            name = getattr(item, "members", {}).get("name")
            names.append(getattr(name, "text", None) or "")
    return names


def _wants(
    table: Table, own: str, flavors: Sequence[str], known: tuple[list[str], HostPlan]
) -> Wants:
    names, hosts = known
    flavor, policy = table.get("flavor", "small"), table.find("policy")
    zone, networks, near = table.find("zone"), table.find("networks"), table.find("near")
    wants = Wants(
        flavor=flavor.one_of(flavors) if flavor and flavors else "",
        policy=_POLICIES[policy.one_of(list(_POLICIES))] if policy else Strategy.SPREAD,
        zone=zone.one_of(hosts.zones) if zone and _any(zone, hosts.zones, "zone") else "",
        networks=tuple(entry.one_of(hosts.networks) for entry in networks.entries(SUBNETS_A_VM_MAX))
        if networks
        else (),
        apart=(*_apart(table, own), *_apart_from(table, names)),
        near=tuple(entry.one_of(names) for entry in near.entries(RULES_A_VM_MAX)) if near else (),
    )
    if len(wants.apart) + len(wants.near) > RULES_A_VM_MAX:
        table.wrong(f"{RULES_A_VM_MAX} rules are the most that a VM can have.")
    return wants


def _any(entry: Entry, names: Sequence[str], what: str) -> bool:
    if not names:
        entry.wrong(f"the hosts' file has no {what}; give its groups one, as '{what}: NAME'.")
    return bool(names)


def _apart(table: Table, own: str) -> list[Apart]:
    """From the others of the same set."""
    found = table.find("apart")
    if found is None:
        return []
    said = found.table()
    said.known(("host", "zone", "soft"))
    host, zone, soft = said.find("host"), said.find("zone"), said.find("soft")
    if host is None and zone is None:
        found.wrong("say how many may be together, such as 'apart: {host: 1}' or '{zone: 10}'.")
    return [
        Apart(
            set_name=own,
            host_max=host.whole(1, MEMBERS_MAX) if host else None,
            zone_max=zone.whole(1, MEMBERS_MAX) if zone else None,
            soft=soft.yes() if soft else False,
        )
    ]


def _apart_from(table: Table, names: list[str]) -> list[Apart]:
    found = table.find("apart_from")
    entries = found.entries(RULES_A_VM_MAX) if found else []
    for entry in entries:
        if entry.text() not in names:
            entry.wrong(f"no set of VMs is called so; there are {listed([*filter(None, names)])}.")
    return [Apart(entry.text(), host_max=1, zone_max=None) for entry in entries]
