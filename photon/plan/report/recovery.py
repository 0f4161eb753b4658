"""The part of the report about how long it takes: known, made again, as before."""

from __future__ import annotations

from collections.abc import Sequence

from photon.plan.amounts import shown_span
from photon.plan.report.bars import Bar, bars
from photon.plan.report.content import Plot, Rows, Section
from photon.plan.result import Drill

PLOTTED_MAX = 30  # Bars that fit on a page.
_PHASES = ["until it is known", "until VMs are made as usual", "until all lost are made again"]


def recovery_sections(drills: Sequence[Drill]) -> list[Section]:
    if not drills:
        return []
    rows = [
        (
            what(drill),
            f"{drill.vms:,}",
            f"{drill.stopped:,}",
            f"{drill.lost:,}",
            f"{drill.not_replaced:,}",
            shown_span(drill.all_missing),
            shown_span(drill.probes.first_after),
            shown_span(drill.probes.steady_after),
            f"{drill.probes.failed:,} of {drill.probes.asked:,}",
            shown_span(drill.replaced_after),
            shown_span(drill.back_after),
        )
        for drill in drills
    ]
    columns = (
        "What dies", "VMs there", "Stopped", "Lost", "No room", "Known", "First VM", "As usual",
        "Failed", "Replaced", "Back",
    )  # fmt: skip
    plotted = list(drills)[:PLOTTED_MAX]
    plot = bars("Time to recover", _PHASES, [_bar(drill) for drill in plotted])
    return [
        Section(
            "Time to recover",
            tables=[Rows(columns, rows, frozenset({1, 2, 3, 4}))],
            plots=[Plot("Seconds since it died, until the cloud did all that it can do.", plot)],
            closing=[
                "Stopped: VMs whose guests ran, and ended with it. Lost: those on machines without "
                "power; No room: of them, not made again. Known: its hosts are MISSING. All the "
                "while somebody asks for a VM every other second: First VM, until the first of "
                "those was made (or told that there is no room); As usual, until the first from "
                "which on all were, in the usual time; Failed, how many never were. Replaced: all "
                "lost VMs were made again. Back: after it returned, until it is used again."
            ],
        )
    ]


def what(drill: Drill) -> str:
    return drill.kind if drill.kind == drill.name else f"{drill.kind} {drill.name}"


def _bar(drill: Drill) -> Bar:
    known = drill.all_missing or 0.0
    usual = max(known, drill.probes.steady_after or 0.0)
    whole = max(usual, drill.replaced_after or 0.0)
    said = shown_span(whole)
    if drill.probes.steady_after is None:
        said = f"{said}, and not as usual before the end"
    if drill.not_replaced:
        said = f"{said}, {drill.not_replaced:,} VMs not made again"
    return Bar(what(drill), [known, usual - known, whole - usual], said)
