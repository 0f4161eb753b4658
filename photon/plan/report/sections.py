"""What the report says, section by section."""

from __future__ import annotations

from photon.plan.amounts import shown_mib, shown_span
from photon.plan.report.bars import Bar, bars
from photon.plan.report.cells import cells
from photon.plan.report.content import Plot, Rows, Section
from photon.plan.report.drills import drill_sections
from photon.plan.report.events import timeline_sections
from photon.plan.report.recovery import recovery_sections
from photon.plan.report.sets import outcomes
from photon.plan.report.survival import survival_sections
from photon.plan.report.words import by_zone, in_short, percent, plural, reasons
from photon.plan.result import Balance, Mode, Result


def sections(result: Result) -> list[Section]:
    """The first is all in short; those about which nothing was asked are left out."""
    return [
        Section("In short", in_short(result)),
        _hosts(result),
        *_fits(result),
        *_load(result),
        *survival_sections(result.survivals),
        *recovery_sections(result.drills),
        *drill_sections(result.drills),
        *timeline_sections(result.timeline),
        _method(result),
    ]


def _hosts(result: Result) -> Section:
    rows = [
        (
            zone.zone or "(none)",
            f"{zone.hosts:,}",
            f"{zone.racks:,}",
            f"{zone.cpus:,}",
            shown_mib(zone.memory_mib),
            shown_mib(zone.datastore_gib << 10),
        )
        for zone in result.zones
    ]
    columns = ("Zone", "Hosts", "Racks", "Virtual CPUs", "Memory", "Datastores")
    return Section("Hosts", tables=[Rows(columns, rows, frozenset(range(1, 6)))])


def _fits(result: Result) -> list[Section]:
    fits = result.fits
    if not fits:
        return []
    zones = list(dict.fromkeys(zone for fit in fits for zone in fit.by_zone))
    plot = bars(
        "How many VMs fit, by flavor and zone",
        [zone or "no zone" for zone in zones],
        [
            Bar(
                f"{fit.flavor}, {fit.on}",
                [fit.by_zone.get(zone, 0) for zone in zones],
                f"{fit.made:,}",
            )
            for fit in fits
        ],
    )
    rows = [
        (
            fit.flavor,
            f"{fit.on} hosts",
            f"{fit.made:,}{'+' if fit.stopped_early else ''}",
            f"{'' if fit.exact else '≈ '}{fit.scheduler_said:,}",
            by_zone(fit.by_zone),
            reasons(fit.why),
            _spread(fit.balance),
        )
        for fit in fits
    ]
    columns = ("Flavor", "On", "Fit", "Foretold", "By zone", "Why no more", "Load of hosts then")
    differing = [fit.flavor for fit in fits if not fit.agrees and not fit.stopped_early]
    played = result.mode is Mode.PLAYED
    how = "made, many at a time, through the API," if played else "placed one after the other"
    closing = [
        f"VMs were {how} until none found room (Fit); before "
        "the first, the scheduler was asked how many it would be (Foretold). ≈: nearly so many, "
        "for disks may have to lie apart, or hosts compete for what they share."
    ]
    if differing:
        closing.append(f"The two differ for {', '.join(dict.fromkeys(differing))}.")
    return [
        Section(
            "How many fit",
            plots=[Plot("VMs that fit, by zone.", plot)],
            tables=[Rows(columns, rows, frozenset({2, 3}))],
            closing=closing,
        )
    ]


def _spread(balance: Balance) -> str:
    return f"{percent(balance.least)} to {percent(balance.most)}, mean {percent(balance.mean)}"


def _load(result: Result) -> list[Section]:
    if not result.standing or result.balance is None:
        return []
    balance = result.balance
    return [
        Section(
            "What runs",
            [
                f"Hosts are loaded from {percent(balance.least)} to {percent(balance.most)}, "
                f"{percent(balance.mean)} on average, with a deviation of "
                f"{balance.deviation * 100:.1f} points. A host's load is the share taken of what "
                "it has least left of, CPUs or memory."
            ],
            tables=[outcomes(result.standing)],
            plots=[
                Plot(
                    "Every host, by zone and rack: the darker, the fuller (in the dark: the "
                    "lighter). Point at one to see what it holds.",
                    cells("Load of every host", result.loads),
                ),
                Plot("Hosts by load.", _tenths(balance)),
            ],
        )
    ]


def _tenths(balance: Balance) -> str:
    used = [place for place, count in enumerate(balance.tenths) if count]
    rows = [
        Bar(
            f"{place * 10} to {place * 10 + 10} %",
            [balance.tenths[place]],
            plural(balance.tenths[place], "host"),
        )
        for place in range(used[0], used[-1] + 1)
    ]
    return bars("Hosts by load", ["hosts"], rows)


def _method(result: Result) -> Section:
    longest = max((drill.outage for drill in result.drills), default=0.0)
    away = f" What died was away for {shown_span(longest)}." if longest else ""
    played = [
        "The product itself ran, in one process and on a simulated clock: "
        f"{plural(result.controllers, 'controller')} with the API, tasks, the scheduler's tree "
        "and the duties, the agents of all hosts, and a network between them. Only the "
        f"hypervisors and the network were imagined.{away}"
    ]
    return Section(
        "How this was found out",
        [
            *(played if result.mode is Mode.PLAYED else []),
            f"Seed {result.seed}: the same files and seed make the same report.",
            *result.notes,
            *(f"The audit found: {finding}" for finding in result.findings),
        ],
    )
