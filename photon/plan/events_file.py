"""Reads the events of workload.yaml: what happens to racks, zones and hosts, and when."""

from __future__ import annotations

import difflib
from typing import Final

from photon.plan.hosts import HostPlan
from photon.plan.reading import Entry, Table, shown
from photon.plan.workload import FAILURES, Happening, PlannedEvent

EVENTS_MAX: Final = 200  # As many as a timeline has room for.

_KINDS: Final = ("rack", "zone", "group", "host")
_MAINTAINED: Final = (Happening.ENTERS_MAINTENANCE, Happening.LEAVES_MAINTENANCE)


def read_events(table: Table, hosts: HostPlan, duration_seconds: float) -> tuple[PlannedEvent, ...]:
    """In the order of time."""
    found = table.find("events")
    entries = found.entries(EVENTS_MAX) if found else []
    if found is not None and entries and not duration_seconds:
        found.wrong("events happen in time: say for how long, such as 'duration: 1h', at the top.")
    pairs = [(entry, _event(entry, hosts, duration_seconds)) for entry in entries]
    known = [(entry, event) for entry, event in pairs if event is not None]
    ordered = sorted(known, key=lambda pair: pair[1].at_seconds)
    _check_order(ordered, hosts)
    return tuple(event for _, event in ordered)


def _event(entry: Entry, hosts: HostPlan, duration_seconds: float) -> PlannedEvent | None:
    table = entry.table()
    table.known(("at", "event", "replace", *_KINDS))
    at = table.get("at", "10m")
    happening = table.get("event", "dies")
    replace = table.find("replace")
    whom = table.only(_KINDS)
    said = Happening(happening.one_of(list(Happening))) if happening else Happening.DIES
    replaced = replace.yes() if replace else False
    at_seconds = at.seconds(0.0, duration_seconds or 1e9) if at else 0.0
    if whom is None:
        return None
    kind = whom.where.rpartition(".")[2]
    name = _target(whom, kind, hosts)
    if replace is not None and replaced and said not in (*FAILURES, Happening.ENTERS_MAINTENANCE):
        replace.wrong(f"nothing is to be replaced when a {kind} {said}.")
    return PlannedEvent(at_seconds, kind, name, said, replaced) if name else None


def _target(whom: Entry, kind: str, hosts: HostPlan) -> str:
    """ "" and a sentence when there is none of that name."""
    name = whom.text()
    if not name or hosts.addresses(kind, name):
        return name
    all_names = {
        "rack": list(hosts.racks),
        "zone": list(hosts.zones),
        "group": [group.name for group in hosts.groups],
        "host": [host.address for host in hosts.hosts],
    }[kind]
    close = difflib.get_close_matches(name, all_names, n=1) or all_names[:1]
    meant = f" There is {close[0]!r}, for one." if close else ""
    whom.wrong(f"the hosts' file has no {kind} {shown(name)}.{meant}")
    return ""


def _check_order(ordered: list[tuple[Entry, PlannedEvent]], hosts: HostPlan) -> None:
    """Each host: away only when there, back only when away; the same of maintenance."""
    away: set[str] = set()
    resting: set[str] = set()
    for entry, event in ordered:
        addresses = set(hosts.addresses(event.kind, event.name))
        state = resting if event.happening in _MAINTAINED else away
        ends = event.happening in (Happening.RETURNS, Happening.LEAVES_MAINTENANCE)
        if ends and not addresses & state:
            entry.wrong(f"{event.what} {event.happening}, but nothing happened to it before.")
        if not ends and addresses & state:
            before = "is in maintenance" if event.happening in _MAINTAINED else "is away"
            entry.wrong(f"{event.what} {event.happening}, but some of it {before} already.")
        if event.happening in _MAINTAINED and addresses & away:
            entry.wrong(f"{event.what} {event.happening}, but some of it is away then.")
        state.difference_update(addresses) if ends else state.update(addresses)
