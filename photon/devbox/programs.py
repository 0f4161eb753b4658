"""Starts and stops the devbox's programs, and finds again those that run.

A program is known by its pid file, which holds the process id and when that process started: an id
alone may have been given to somebody else since.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

READY_SECONDS_MAX: Final = 60.0  # A loaded machine imports slowly; nothing here takes as long.
STOP_SECONDS_MAX: Final = 30.0
POLL_SECONDS: Final = 0.05
LOG_LINES_SHOWN: Final = 12
STOPPED_STATES: Final = ("T", "t")


class ProgramFailed(Exception):
    """A program of the devbox did not start, with the end of its log."""


class _Pid(msgspec.Struct):
    pid: int
    started: int  # field 22 of /proc/PID/stat: clock ticks since boot


@dataclass(frozen=True, slots=True)
class Program:
    """One of the devbox's programs.

    `ready` says whether it is. Without that, it is once it has written a line on standard output.
    `beside` tells the processes that it started and that outlive it, but are not to.
    """

    name: str
    command: tuple[str, ...]
    run_dir: Path
    ready: Callable[[], bool] | None = None
    beside: Callable[[], list[int]] = list
    environment: Mapping[str, str] = field(default_factory=dict)

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
        """Starts it and waits until it is ready. One that runs is left alone.

        Raises:
            ProgramFailed: it ended, or was not ready in time.
        """
        if self.pid() is None:
            self.launch()
            self.wait_ready()

    def launch(self) -> None:
        """Starts it in a session of its own, and does not wait."""
        self.run_dir.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log, self._out.open("wb") as out:
            process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out if self.ready is None else log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )
        # It may outlive this process; if not, it is collected when it ends.
        threading.Thread(target=process.wait, daemon=True).start()
        started = _started(process.pid)
        if started is not None:
            self._pid_file.write_bytes(msgspec.json.encode(_Pid(process.pid, started)))

    def wait_ready(self, seconds_max: float = READY_SECONDS_MAX) -> None:
        """Raises ProgramFailed: it ended, or was not ready in time."""
        deadline = time.monotonic() + seconds_max
        while not self._is_ready():
            if self.pid() is None:
                raise ProgramFailed(f"{self.name} ended at once:\n{self._last_lines()}")
            if time.monotonic() > deadline:
                raise ProgramFailed(f"{self.name} is not ready:\n{self._last_lines()}")
            time.sleep(POLL_SECONDS)

    def _is_ready(self) -> bool:
        return b"\n" in self._out.read_bytes() if self.ready is None else self.ready()

    def stop(self, seconds_max: float = STOP_SECONDS_MAX) -> bool:
        """Ends it: orderly, and hard when that takes too long. False when it did not run."""
        pid = self.pid()
        if pid is None:
            self.kill()
            return False
        self.thaw()
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds_max
        while self.pid() is not None and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
        self.kill()
        return True

    def kill(self) -> bool:
        """kill -9, and returns when nothing of it is left. False when nothing of it ran."""
        pids = self._halted()
        _signal(pids, signal.SIGKILL)
        while any(_started(pid) is not None for pid in pids):
            time.sleep(POLL_SECONDS)
        self._pid_file.unlink(missing_ok=True)
        return bool(pids)

    def freeze(self) -> None:
        """It neither runs nor answers, and nobody's connection to it ends."""
        self._halted()

    def thaw(self) -> None:
        _signal(reversed(self._pids()), signal.SIGCONT)

    def frozen(self) -> bool:
        pid = self.pid()
        return pid is not None and _state(pid) in STOPPED_STATES

    def _halted(self) -> list[int]:
        """All processes of it, stopped: parents first, so that there are no more meanwhile."""
        halted: list[int] = []
        while new := [pid for pid in self._pids() if pid not in halted]:
            _signal(new, signal.SIGSTOP)
            halted += new
        return halted

    def _pids(self) -> list[int]:
        own = self.pid()
        pids = [] if own is None else [own]
        for pid in self.beside():
            pids += tree_of(pid)
        return pids

    def _last_lines(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "\n".join(["  " + line for line in lines] or [f"  (nothing in {self.log})"])


def tree_of(pid: int) -> list[int]:
    """A process that runs, and all that it started; parents first."""
    if _started(pid) is None:
        return []
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in tree_of(int(child)))]


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _started(pid: int) -> int | None:
    """When the process started; None when there is none, or only what is left of one."""
    state, fields = _stat(pid)
    return None if state in ("", "Z") else int(fields[18])


def _state(pid: int) -> str:
    return _stat(pid)[0]


def _stat(pid: int) -> tuple[str, list[str]]:
    """The letter of its state, "" when there is no such process; and what follows it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return "", []
    state, *fields = stat.rpartition(")")[2].split()
    return state, fields
