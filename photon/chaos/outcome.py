"""What a run of chaos has found, as programs read it; `report.py` tells it to people."""

from __future__ import annotations

import msgspec

from photon.chaos.nemesis import Ended
from photon.chaos.recovery import Injected, Row


class Breach(msgspec.Struct, frozen=True):
    """What must not be, and was: which promise or rule, and the events that led to it, in order."""

    promise: str
    text: str
    story: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True):
    """`command` repeats the run: the same faults in the same order, if not at the same moment."""

    seed: int
    minutes: float
    command: str
    began: str  # ISO 8601, UTC
    machine: str
    cuts: bool  # whether parts could be cut off here
    faults: tuple[Injected, ...]
    recovery: tuple[Row, ...]
    ended: tuple[Ended, ...]
    operations: dict[str, int]  # by what became of them
    probes: int
    probes_failed: int
    problems: tuple[tuple[str, int], ...]  # what probes were told, and how often
    breaches: tuple[Breach, ...]

    @property
    def kept(self) -> bool:
        """Every promise was."""
        return not self.breaches
