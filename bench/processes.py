"""The processes that a benchmark starts, what CPU each has used, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from bench.failure import BenchFailed

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STOP_SECONDS_MAX = (
    30.0  # A controller lets its tasks end for ten seconds, its requests for fifteen.
)
LOOKS_MAX = 50  # Backends end now and then; a server with so many that do is not well.
LOG_LINES_SHOWN = 12  # Enough for a traceback's end.


class Measurable(Protocol):
    """What has used so much until now: a process, or a few that belong together."""

    def cpu_seconds(self) -> float: ...
    def resident_mib(self) -> float: ...


class BenchProcess:
    """`python -m module`; `ready` is the JSON object of the line that it says when it can be used.

    It gets a session of its own: Ctrl-C is for the benchmark, which then ends it in order.
    """

    def __init__(self, module: str, log: Path, *arguments: str) -> None:
        self._module = module
        self._log = log
        with log.open("wb") as errors:
            self._popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        self.ready: dict[str, Any] = {}

    def wait_ready(self) -> None:
        assert self._popen.stdout is not None
        line = self._popen.stdout.readline()
        if not line:
            raise BenchFailed(f"{self._module} did not start. {self.last_words()}")
        self.ready = msgspec.json.decode(line)

    def cpu_seconds(self) -> float:
        """User and system time since its start, in steps of a clock tick (10 ms)."""
        return cpu_seconds_of(self._popen.pid)

    def resident_mib(self) -> float:
        return resident_mib_of(self._popen.pid)

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return "The end of its log:\n" + "\n".join(lines or ["(nothing)"])

    def stop(self) -> None:
        self._popen.send_signal(signal.SIGTERM)
        try:
            self._popen.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()
        assert self._popen.stdout is not None
        self._popen.stdout.close()


class ProcessGone(BenchFailed):
    def __init__(self, pid: int) -> None:
        super().__init__(
            f"Process {pid} of the measured cloud has ended; run it again, and look at its log."
        )


def of_family(pid: int, look: Callable[[Sequence[int]], float]) -> float:
    """What `look` says of a process and its children; a child may end while it is looked at.

    Raises:
        ProcessGone: the process itself has ended.
    """
    for _ in range(LOOKS_MAX):
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            break
        try:
            return look([pid, *map(int, children)])
        except ProcessGone:
            continue
    raise ProcessGone(pid)


def cpu_seconds_of(pid: int) -> float:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        raise ProcessGone(pid) from None
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def resident_mib_of(pid: int) -> float:
    """Memory that is the process's own or shared, and in use now."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        raise ProcessGone(pid) from None
    return pages * PAGE_BYTES / (1 << 20)
