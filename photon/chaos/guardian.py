"""Cleans up after a chaos that could not do so itself: one that was killed.

A process of its own. It waits until the pipe from its chaos ends; if no word came through it
before, nobody has cleaned up.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Final

import msgspec

from photon.chaos.cells import Cells
from photon.chaos.cuts import CutFailed, forget

CLEAN: Final = b"clean\n"
DOWN_SECONDS_MAX: Final = 180.0  # Guests are given time; then there is nobody left to wait.
END_SECONDS_MAX: Final = 30.0  # It has nothing to do then.


class Charge(msgspec.Struct, frozen=True):
    """What is to be cleaned up: rules of the packet filter, cells, and a command for the rest."""

    table: str | None
    cells: str | None
    down: tuple[str, ...]


@dataclass
class Guardian:
    """Raises OSError when it cannot be started."""

    charge: Charge
    _process: Popen[bytes] | None = None

    def start(self) -> None:
        charge = msgspec.json.encode(self.charge).decode()
        # In a session of its own: what ends the whole group of its chaos does not end it.
        command = [sys.executable, "-m", "photon.chaos.guardian", charge]
        self._process = Popen(command, stdin=PIPE, stdout=DEVNULL, start_new_session=True)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def dismiss(self) -> None:
        """All is clean."""
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(CLEAN)
            self._process.stdin.close()
        self._process.wait(END_SECONDS_MAX)


def clean(charge: Charge) -> None:
    """Twice is once. Cuts are mended first: what is asked to end must be reached."""
    if charge.table is not None:
        with contextlib.suppress(CutFailed, OSError):
            forget(charge.table)
    if charge.cells is not None:
        Cells(Path(charge.cells)).end()
    if charge.down:
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(charge.down, stdin=DEVNULL, timeout=DOWN_SECONDS_MAX, check=False)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    charge = msgspec.json.decode(sys.argv[1], type=Charge)
    if sys.stdin.buffer.read() != CLEAN:
        clean(charge)


if __name__ == "__main__":
    main()
