"""The pause gate: while the system is paused, nothing that changes something is taken.

A controller hears of a pause a little after it was asked for, and of its end too. But once it has
said that it knows, it keeps to it, until the next change is asked for: that is what is judged here,
way by way, where each leads to one controller.
"""

from __future__ import annotations

import re
from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.facts import Cell, Change, Span
from photon.workload.history import Moment

READY, PAUSED, BACKGROUND_PAUSED = "READY", "PAUSED", "BACKGROUND_PAUSED"
SYSTEM_PAUSED: Final = "SystemPaused"
SYSTEM_INFO: Final = "/v1/system/info"

# What is taken all the same: it changes nothing, or is what ends a pause.
_FREE: Final = re.compile(r"POST /v1/(system/(resume|pause-background-tasks|audit)|.*/capacity)")
_ASKING: Final = re.compile(r"GET /v1/vms/[^/]+/(subnets|mks_ticket)")  # each makes a task


def is_gated(method: str, path: str) -> bool:
    said = f"{method} {path.partition('?')[0]}"
    if method == "GET":
        return _ASKING.fullmatch(said) is not None
    return _FREE.fullmatch(said) is None


class Gate:
    """`state` is the system's. Only clients of this workload may change it."""

    def __init__(self) -> None:
        self.state = Cell[str](READY)
        self._knows: dict[object, tuple[str, Moment]] = {}  # by way: what it said last, and when

    def begin(self, at: Moment, state: str) -> Change[str]:
        """Somebody is about to ask for this state."""
        self._knows.clear()
        return self.state.begin(at, lambda _: state)

    def over(self, change: Change[str], at: Moment, *, done: bool, refused: bool) -> None:
        if done:
            self.state.done(change, at)
        elif refused:
            self.state.refused(change, at)

    def judge(self, request: tuple[str, str], way: object, span: Span, *, paused: bool) -> None:
        """An answer to `request` (method, path), good or refused for the pause. Raises Broken."""
        method, path = request
        if is_gated(method, path):
            states = (PAUSED,) if paused else (READY, BACKGROUND_PAUSED)
            self.told(way, span, states, f"{method} {path}")
        elif paused:
            text = f"{method} {path} was refused for a pause, which does not concern it"
            raise Broken(Promise.REFUSED_FOR_A_REASON, text)

    def told(self, way: object, span: Span, states: tuple[str, ...], by: str) -> None:
        """A way has shown that for it the system is in one of these states. Raises Broken."""
        known = self.state.during(span)
        if known is None:
            return
        if not known.isdisjoint(states):
            # Who takes a change may believe in a pause of the duties, and does not tell.
            if len(known) == 1 and known.issuperset(states):
                self._knows[way] = (states[0], span.end)
            return
        before = self._knows.get(way)
        if before is not None and before[1] < span.begin:
            text = (
                f"by {by} the system is {' or '.join(states)}; it is {before[0]}, and was shown so"
            )
            raise Broken(Promise.READS_SEE_WRITES, text)
