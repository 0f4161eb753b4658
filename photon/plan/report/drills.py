"""The part of the report about racks and zones that die."""

from __future__ import annotations

from collections.abc import Sequence

from photon.plan.amounts import shown_span
from photon.plan.kinds import RACK, ZONE
from photon.plan.report.bars import Bar, bars
from photon.plan.report.content import Plot, Rows, Section
from photon.plan.report.lines import Frame, Series, Span, lines
from photon.plan.report.words import by_zone, plural
from photon.plan.result import Drill

PLOTS_MAX = 4  # Drills that are plotted over time, the worst first; tables have all of them.


def drill_sections(drills: Sequence[Drill]) -> list[Section]:
    """Of those with which VMs are lost; the others are told with the times to recover."""
    kinds = dict.fromkeys(drill.kind for drill in drills if drill.kind in (RACK, ZONE))
    return [_section(kind, [drill for drill in drills if drill.kind == kind]) for kind in kinds]


def _section(kind: str, drills: Sequence[Drill]) -> Section:
    worst = sorted(drills, key=lambda drill: (-drill.not_replaced, -drill.vms, drill.name))
    shown = bars(
        f"VMs lost with each {kind}",
        ["made again elsewhere", "no room elsewhere"],
        [Bar(drill.name, [drill.replaced, drill.not_replaced], _said(drill)) for drill in drills],
    )
    plots = [Plot(f"VMs that are lost when a {kind} dies, and what becomes of them.", shown)]
    plots += [Plot(_caption(drill), _over_time(drill)) for drill in worst[:PLOTS_MAX]]
    rows = [
        (
            drill.name,
            f"{drill.hosts:,}",
            f"{drill.vms:,}",
            f"{shown_span(drill.first_missing)} to {shown_span(drill.all_missing)}",
            f"{drill.replaced:,}",
            f"{drill.not_replaced:,}",
            shown_span(drill.replaced_after),
            shown_span(drill.back_after),
            shown_span(drill.settled_after),
            by_zone(drill.by_zone),
        )
        for drill in drills
    ]
    columns = (
        kind.capitalize(),
        "Hosts",
        "VMs",
        "Known",
        "Replaced",
        "No room",
        "After",
        "Back",
        "Settled",
        "Where",
    )
    return Section(
        f"If a {kind} dies",
        tables=[Rows(columns, rows, frozenset({1, 2, 4, 5})), *_refusals(kind, drills)],
        plots=plots,
        closing=[
            "VMs: that were on it. Known: from the power's failure until the first, and the last, "
            "of its hosts is shown as MISSING and gets no more VMs. Then an operator deletes the "
            "VMs there and makes them again: Replaced, all of them After so long, Where. Back: "
            "from the power's return until all its hosts take VMs again. Settled: until what was "
            "deleted meanwhile is gone from them as well.",
        ],
    )


def _said(drill: Drill) -> str:
    if not drill.vms:
        return "nothing lost"
    if drill.not_replaced:
        return f"{drill.not_replaced:,} of {drill.vms:,} find no room"
    return f"all {drill.vms:,} replaced in {shown_span(drill.replaced_after)}"


def _refusals(kind: str, drills: Sequence[Drill]) -> list[Rows]:
    """Which VMs find no room, and why."""
    rows = [
        (drill.name, each.set_name, f"{each.count:,}", each.why)
        for drill in drills
        for each in drill.refusals
    ]
    columns = (kind.capitalize(), "Set", "No room", "Why, of the first")
    return [Rows(columns, rows, frozenset({2}))] if rows else []


def _caption(drill: Drill) -> str:
    moments = "; ".join(f"{shown_span(moment.at)} {moment.what}" for moment in drill.moments)
    return f"The {drill.kind} {drill.name}, {plural(drill.hosts, 'host')}. {moments}"


def _over_time(drill: Drill) -> str:
    end = max(moment.at for moment in drill.moments) * 1.03
    frame = Frame(
        label=f"{drill.kind} {drill.name} dies",
        seconds=end,
        height=150.0,
        spans=[Span(0.0, min(drill.outage, end), f"{drill.kind} {drill.name} is away")],
        marks=[(moment.at, moment.what) for moment in drill.moments],
        most=1.0,
    )
    return lines(
        frame,
        [
            Series("VMs down", [(each.at, each.down) for each in drill.samples]),
            Series("hosts missing", [(each.at, each.hosts_missing) for each in drill.samples]),
        ],
    )
