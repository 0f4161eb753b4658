"""Tells, on standard error, what happens: a line for each event, and below them how far it is."""

from __future__ import annotations

import sys
import time

from photon.chaos.run import Progress

CLEAR = "\r\x1b[2K"  # To the line's beginning, and wipe it.


class Teller:
    """The line of progress is for people who look on; in a log there are only events."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._looked_at = sys.stderr.isatty()
        self._line = ""

    def say(self, text: str) -> None:
        clear = CLEAR if self._line else ""
        seconds = time.monotonic() - self._began
        sys.stderr.write(f"{clear}[{seconds:6.1f} s] {text}\n{self._line}")
        sys.stderr.flush()

    def tell(self, progress: Progress) -> None:
        if not self._looked_at:
            return
        self._line = (
            f"{progress.seconds:5.0f} s  {progress.faults} faults  {progress.operations} operations"
            f"  {progress.failed} probes failed  {progress.breaches} broken"
        )
        sys.stderr.write(CLEAR + self._line)
        sys.stderr.flush()
