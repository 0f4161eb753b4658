"""The part of the report about what happens in time: arrivals, failures, maintenance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from photon.plan.amounts import shown_span
from photon.plan.report.content import Plot, Rows, Section
from photon.plan.report.lines import Frame, Series, Span, lines
from photon.plan.report.sets import outcomes
from photon.plan.report.words import percent
from photon.plan.result import EventOutcome, Sample, SetOutcome, Timeline

_ENDS = {"returns", "leaves-maintenance"}


def timeline_sections(timeline: Timeline | None) -> list[Section]:
    if timeline is None or not (timeline.events or timeline.arriving):
        return []
    plots = [
        Plot(
            "VMs over time. Shaded: something is away or in maintenance. Dashed: an event; point "
            "at it to read what.",
            _vms(timeline),
        ),
        Plot("Share of memory that is taken, by zone.", _shares(timeline, _memory, "Memory")),
        Plot("Share of virtual CPUs that is taken, by zone.", _shares(timeline, _cpu, "CPUs")),
    ]
    tables = _events(timeline.events)
    if timeline.arriving:
        tables.append(outcomes(timeline.arriving))
    return [Section("What happens in time", _worst(timeline.arriving), tables, plots)]


def _worst(arriving: Sequence[SetOutcome]) -> list[str]:
    return [
        f"Of {each.asked:,} VMs of {each.name}, {each.refused:,} found no room: {each.refusal}"
        for each in arriving
        if each.refused
    ]


def _events(events: Sequence[EventOutcome]) -> list[Rows]:
    rows = [
        (
            shown_span(event.at),
            f"{event.what} {event.happening}",
            f"{event.hosts:,}",
            f"{event.vms:,}",
            shown_span(event.known_after),
            shown_span(event.over_after),
            f"{event.replaced:,}",
            f"{event.not_replaced:,}",
        )
        for event in events
    ]
    columns = (
        "At",
        "Event",
        "Hosts",
        "VMs there",
        "Known after",
        "Over after",
        "Replaced",
        "No room",
    )
    notes = [
        (shown_span(event.at), f"{event.what} {event.happening}", event.note)
        for event in events
        if event.note
    ]
    tables = [Rows(columns, rows, frozenset({2, 3, 6, 7}))] if rows else []
    return [*tables, Rows(("At", "Event", "What went wrong"), notes)] if notes else tables


def _vms(timeline: Timeline) -> str:
    samples = timeline.samples
    series = [Series("VMs", [(each.at, each.vms) for each in samples])]
    if any(each.running for each in samples):
        series.append(Series("running", [(each.at, each.running) for each in samples]))
    if any(each.unreachable for each in samples):
        series.append(Series("unreachable", [(each.at, each.unreachable) for each in samples]))
    if any(each.refused for each in samples):
        refused = [(each.at, each.refused) for each in samples]
        series.append(Series("refused so far", refused))
    return lines(_frame(timeline, "VMs over time", most=1.0), series)


def _shares(timeline: Timeline, share: Callable[[Sample, str], float], what: str) -> str:
    zones = list(timeline.samples[0].memory)
    frame = _frame(timeline, f"{what} taken over time", most=1.0, show=percent)
    return lines(
        frame,
        [
            Series(zone or "all hosts", [(each.at, share(each, zone)) for each in timeline.samples])
            for zone in zones
        ],
    )


def _memory(sample: Sample, zone: str) -> float:
    return sample.memory.get(zone, 0.0)


def _cpu(sample: Sample, zone: str) -> float:
    return sample.cpu.get(zone, 0.0)


def _frame(
    timeline: Timeline, label: str, *, most: float, show: Callable[[float], str] | None = None
) -> Frame:
    spans, open_since = [], dict[str, EventOutcome]()
    for event in timeline.events:
        if event.happening in _ENDS:
            begun = open_since.pop(event.what, None)
            if begun is not None:
                spans.append(Span(begun.at, event.at, f"{event.what} {begun.happening}"))
        else:
            open_since[event.what] = event
    spans += [
        Span(event.at, timeline.seconds, f"{event.what} {event.happening}")
        for event in open_since.values()
    ]
    marks = [(event.at, f"{event.what} {event.happening}") for event in timeline.events]
    frame = Frame(label, timeline.seconds, spans=spans, marks=marks, most=most)
    return frame if show is None else replace(frame, show=show, whole=False)
