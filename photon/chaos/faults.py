"""A fault of one part: injected, and healed whatever became of the part meanwhile. Calls block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from photon.chaos.cuts import Cut, Cuts
from photon.chaos.part import Part
from photon.chaos.schedule import Action


class Fault(Protocol):
    def inject(self) -> None: ...

    def heal(self) -> None:
        """Afterwards the part runs and is reached. Twice is once.

        Raises:
            PartFailed: it does not start.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kill:
    part: Part

    def inject(self) -> None:
        self.part.kill()

    def heal(self) -> None:
        self.part.start()


@dataclass(frozen=True, slots=True)
class Freeze:
    part: Part

    def inject(self) -> None:
        self.part.freeze()

    def heal(self) -> None:
        # It may find that it was declared dead, and end: whoever keeps the parts starts it again.
        self.part.thaw()


@dataclass(frozen=True, slots=True)
class Restart:
    part: Part

    def inject(self) -> None:
        self.part.stop()

    def heal(self) -> None:
        self.part.start()


@dataclass(frozen=True, slots=True)
class CutOff:
    part: Part
    cuts: Cuts

    def inject(self) -> None:
        self.cuts.make(Cut(self.part.name))

    def heal(self) -> None:
        self.cuts.mend(Cut(self.part.name))


def fault(action: Action, part: Part, cuts: Cuts | None) -> Fault:
    """`cuts` is needed for the actions that cut."""
    match action:
        case Action.KILL:
            return Kill(part)
        case Action.FREEZE | Action.FREEZE_LONG:
            return Freeze(part)
        case Action.RESTART:
            return Restart(part)
        case Action.CUT | Action.CUT_LONG:
            assert cuts is not None, "nothing can be cut off here"
            return CutOff(part, cuts)
