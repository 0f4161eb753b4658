"""Starts and stops the devbox's programs, and finds again those that run.

A program is known by its pid file, which holds the process id and when that process started: an id
alone may have been given to somebody else since.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

READY_SECONDS_MAX: Final = 60.0  # A loaded machine imports slowly; nothing here takes as long.
STOP_SECONDS_MAX: Final = 30.0
POLL_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 12


class ProgramFailed(Exception):
    """A program of the devbox did not start, with the end of its log."""


class _Pid(msgspec.Struct):
    pid: int
    started: int  # field 22 of /proc/PID/stat: clock ticks since boot


@dataclass(frozen=True, slots=True)
class Program:
    """One of the devbox's processes. Once it is ready it writes a line on standard output."""

    name: str
    arguments: tuple[str, ...]
    run_dir: Path

    @property
    def log(self) -> Path:
        return self.run_dir / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.run_dir / f"{self.name}.pid"

    @property
    def _out(self) -> Path:
        return self.run_dir / f"{self.name}.out"

    def pid(self) -> int | None:
        """The id of the running process; None when it does not run."""
        try:
            known = msgspec.json.decode(self._pid_file.read_bytes(), type=_Pid)
        except (OSError, msgspec.DecodeError):
            return None
        return known.pid if _started(known.pid) == known.started else None

    def start(self) -> None:
        """Starts it in a session of its own and waits until it is ready.

        Raises:
            ProgramFailed: it ended, or was not ready in time.
        """
        if self.pid() is not None:
            return
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, self._out.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        started = _started(process.pid)
        if started is not None:
            self._pid_file.write_bytes(msgspec.json.encode(_Pid(process.pid, started)))
        deadline = time.monotonic() + READY_SECONDS_MAX
        while b"\n" not in self._out.read_bytes():
            if process.poll() is not None:
                raise ProgramFailed(f"{self.name} ended at once:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{self.name} is not ready:\n{self._last_lines()}")
            time.sleep(POLL_SECONDS)

    def stop(self) -> bool:
        """Ends it: orderly, and hard when that takes too long. False when it did not run."""
        pid = self.pid()
        if pid is None:
            self._pid_file.unlink(missing_ok=True)
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while self.pid() is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(POLL_SECONDS)
        self._pid_file.unlink(missing_ok=True)
        return True

    def _last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(["  " + line for line in lines] or [f"  (nothing in {self.log})"])


def _started(pid: int) -> int | None:
    """When the process started; None when there is none, or only what is left of one."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])
