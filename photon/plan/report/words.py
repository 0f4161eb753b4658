"""Sentences of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from photon.plan.amounts import shown_mib, shown_span
from photon.plan.kinds import STORE
from photon.plan.result import Drill, Fit, Mode, Reason, Result, Survival

REASON_WORDS: Mapping[str, str] = {
    "TOO_LITTLE_CPU": "too few CPUs left",
    "TOO_LITTLE_MEMORY": "too little memory left",
    "TOO_LITTLE_DISK": "too little room left on datastores",
    "NO_DATASTORE_TAG": "no datastore with the tag",
}
_UNIT: Mapping[str, str] = {
    "TOO_LITTLE_CPU": "CPUs",
    "TOO_LITTLE_MEMORY": "MB",
    "TOO_LITTLE_DISK": "GB",
}


def plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def percent(share: float) -> str:
    return f"{share:.0%}"


def reason(each: Reason) -> str:
    """9 hosts: too little memory left (8192 MB needed, 2048 at best)."""
    words = _words(each.reason)
    detail = ""
    if each.needed is not None and each.best is not None:
        unit = _UNIT.get(each.reason, "")
        detail = f" ({each.needed} {unit} needed, {each.best} at best)"
    return f"{plural(each.hosts, 'host')}: {words}{detail}"


def _words(reason: str) -> str:
    return REASON_WORDS.get(reason, reason.lower().replace("_", " "))


def reasons(all_of: Sequence[Reason]) -> str:
    return "; ".join(map(reason, all_of)) or "-"


def by_zone(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{zone or 'no zone'} {count:,}" for zone, count in counts.items()) or "-"


def in_short(result: Result) -> list[str]:
    """What somebody wants to know who reads no further."""
    racks = sum(zone.racks for zone in result.zones)
    named = sum(1 for zone in result.zones if zone.zone)
    cpus = sum(zone.cpus for zone in result.zones)
    memory = shown_mib(sum(zone.memory_mib for zone in result.zones))
    where = " and ".join(
        plural(count, what) for count, what in ((named, "zone"), (racks, "rack")) if count
    )
    hosts = plural(result.hosts, "host") + (f" in {where}" if where else "")
    offers = "offers" if result.hosts == 1 else "offer"
    return [
        _mode(result),
        f"{hosts} {offers} {cpus:,} virtual CPUs and {memory} of memory, overcommit included.",
        *(_fit(fit) for fit in result.fits),
        *_standing(result),
        *map(_survival, result.survivals),
        *_worst(result.drills),
        *_unhurt(result.drills),
        *_timeline(result),
        _audit(result),
    ]


def _mode(result: Result) -> str:
    if result.mode is Mode.PLAYED:
        return "Played: the whole product ran, simulated."
    return "Placement only: the scheduler placed the VMs; no tasks, agents or time were simulated."


def away_words(survival: Survival) -> str:
    """any rack, any 2 racks."""
    if survival.away == 1:
        return f"any {survival.kind}"
    return f"any {survival.away} {survival.kind}s"


def _survival(survival: Survival) -> str:
    lost = away_words(survival)
    tried = "" if survival.is_whole else f", of the {survival.tried:,} heaviest of {survival.of:,}"
    if survival.survives:
        return f"Survives the loss of {lost}: all VMs find room on what is left{tried}."
    times = "1 case" if survival.lacking == 1 else f"{survival.lacking:,} cases"
    worst = survival.worst[0]
    return (
        f"Does not survive the loss of {lost}: in {times} of {survival.tried:,} VMs find no room; "
        f"at worst {worst.no_room:,} of {worst.vms:,}, without {' and '.join(worst.names)}."
    )


def _fit(fit: Fit) -> str:
    many = f"{fit.made:,}"
    if fit.stopped_early:
        foretold = f"{'' if fit.exact else 'nearly '}{fit.scheduler_said:,}"
        many = f"at least {many} (the scheduler foretells {foretold})"
    hosts = next((each.hosts for each in fit.why if each.reason == fit.runs_out_first), 0)
    asked = sum(each.hosts for each in fit.why)
    of_all = "all hosts" if hosts == asked else f"the {plural(hosts, 'host')} that can take it"
    more = "" if fit.stopped_early else " more"
    end = f"; then {of_all} have {_words(fit.runs_out_first)}" if hosts else ""
    if fit.on == "loaded":
        return f"Beside what runs, {many}{more} VMs of {fit.flavor} fit{end}."
    return f"On empty hosts, {many} VMs of {fit.flavor} fit{end}."


def _standing(result: Result) -> list[str]:
    asked = sum(each.asked for each in result.standing)
    made = sum(each.made for each in result.standing)
    if not asked:
        return []
    if made == asked:
        return [f"All {plural(asked, 'VM')} that are to run find room."]
    return [f"Of {plural(asked, 'VM')} that are to run, {asked - made:,} find no room."]


def _worst(drills: Sequence[Drill]) -> list[str]:
    """Of racks, and of zones: the one whose loss leaves the most VMs without a place."""
    sentences = []
    for kind in dict.fromkeys(drill.kind for drill in drills if drill.lost):
        same = [drill for drill in drills if drill.kind == kind]
        worst = max(same, key=lambda drill: (drill.not_replaced, drill.vms))
        if worst.not_replaced:
            sentences.append(
                f"If the {kind} {worst.name} dies, {plural(worst.not_replaced, 'VM')} of "
                f"{worst.vms:,} that are lost find no room elsewhere; no {kind} is worse."
            )
        else:
            sentences.append(
                f"Whichever {kind} dies, all VMs that are lost find room elsewhere: "
                f"{worst.vms:,} in the worst case, within {shown_span(worst.replaced_after)}."
            )
    return sentences


def _unhurt(drills: Sequence[Drill]) -> list[str]:
    """What dies without taking VMs along: programs, and the store."""
    sentences = []
    for kind in dict.fromkeys(drill.kind for drill in drills if not drill.takes_vms):
        same = [drill for drill in drills if drill.kind == kind]
        article = "an" if kind[0] in "aeiou" else "the" if kind == STORE else "a"
        stopped = max(drill.stopped for drill in same)
        vms = f"{plural(stopped, 'VM')} stop" if stopped else "no VM stops"
        steady = [drill.probes.steady_after for drill in same]
        known = [each for each in steady if each is not None]
        made = (
            f"VMs are made as usual after {shown_span(max(known))} at most"
            if len(known) == len(steady)
            else "VMs are not made as usual before the end of the drill"
        )
        sentences.append(f"If {article} {kind} dies, {vms}, and {made}.")
    return sentences


def _timeline(result: Result) -> list[str]:
    if result.timeline is None:
        return []
    refused = sum(each.refused for each in result.timeline.arriving)
    arrived = sum(each.asked for each in result.timeline.arriving)
    if not arrived:
        return []
    span = shown_span(result.timeline.seconds)
    end = f"{refused:,} found no room" if refused else "all found room"
    return [f"In {span}, {plural(arrived, 'VM')} arrived, and {end}."]


def _audit(result: Result) -> str:
    if result.mode is Mode.PLACED and not result.findings:
        return "The scheduler's books are in order at the end."
    if result.findings:
        return f"An audit at the end found {plural(len(result.findings), 'thing')} wrong."
    return "An audit at the end found every invariant of the cloud kept."
