"""How far an image has come, for the task that shows it."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Phase(StrEnum):
    """The phases, in their order. A file that is stored as it came skips CONVERTING."""

    RECEIVING = "RECEIVING"
    CHECKING = "CHECKING"
    CONVERTING = "CONVERTING"
    STORING = "STORING"


class Progress(Protocol):
    """Told often (each MiB received), on the event loop's thread: it only takes note."""

    def __call__(self, done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
        """Within `phase`, `done_bytes` of `total_bytes` are done; None: nobody knows the total."""
        ...


def silent(done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
    """The progress of who does not want to know."""
