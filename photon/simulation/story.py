"""What led to a violation, for a person: who asked what, what the store had, what was broken."""

from __future__ import annotations

from collections.abc import Iterator

from photon.simulation.mirror import Mirror
from photon.simulation.trace import TAIL_MAX, Trace
from photon.workload.broken import Broken
from photon.workload.history import History

LINES_MAX = 60  # A screen; whoever needs more has the whole trace.
FAULTS_BEFORE_SECONDS = 120.0  # What a fault did shows within this, or is over.
TEXT_MAX = 220

_FAULTS = frozenset(
    {
        "fault",
        "fault-over",
        "crash",
        "restart",
        "freeze",
        "thaw",
        "exit",
        "expire",
        "serving",
        "start-failed",
        "stopping",
        "healed",
    }
)


def story(broken: Broken, history: History, mirror: Mirror, trace: Trace) -> list[str]:
    """The last lines that are about what was broken, in order."""
    about = {id for id in broken.ids if id}
    told = [
        (event.at_seconds, f"{event.who}: {event.text}")
        for event in history.about(about, limit=LINES_MAX)
    ]
    told += [(seconds, f"store: {text}") for seconds, text in mirror.story_of(about)][-LINES_MAX:]
    if not told:
        told = [(event.at_seconds, f"{event.who}: {event.text}") for event in history.events[-20:]]
    since = min(seconds for seconds, _ in told) - FAULTS_BEFORE_SECONDS if told else 0.0
    faults = [line for line in _faults(trace) if line[0] >= since][-LINES_MAX:]
    lines = sorted([*told, *faults], key=lambda line: line[0])[-LINES_MAX:]
    return [f"{seconds:10.3f} s  {text[:TEXT_MAX]}" for seconds, text in lines]


def _faults(trace: Trace) -> Iterator[tuple[float, str]]:
    for line in trace.tail(TAIL_MAX):
        at, _, said = line.partition(" ")
        if said.partition(" ")[0] in _FAULTS:
            yield float(at), f"! {said}"
