"""A PostgreSQL server that a benchmark starts, as durable as it is by default, and its CPU."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from bench.failure import BenchFailed
from bench.processes import TICKS_A_SECOND, cpu_seconds_of, resident_mib_of
from photon.devbox.postgres import PrivatePostgres

# In /proc/PID/stat, counted from the state: user and system time of children that have ended.
_OF_CHILDREN: Final = (13, 14)


class BenchPostgres:
    """`start` first, `remove` at the end. Measurable: the server with all its processes."""

    def __init__(self) -> None:
        # A socket's path is short, and its folder not root's alone.
        self._place = Path(tempfile.mkdtemp(prefix="photon-bench-"))
        self._place.chmod(0o711)
        self._server = PrivatePostgres(self._place / "s")

    @property
    def url(self) -> str:
        return self._server.url()

    def start(self) -> None:
        try:
            self._server.create()
            self._server.start()
        except (FileNotFoundError, RuntimeError) as problem:
            self.remove()
            raise BenchFailed(f"PostgreSQL did not start: {problem}") from problem
        self._pid = int((self._server.folder / "data/postmaster.pid").read_text().split()[0])

    def remove(self) -> None:
        if self._server.folder.exists():
            self._server.remove()
        shutil.rmtree(self._place, ignore_errors=True)

    def cpu_seconds(self) -> float:
        """Also of backends that have ended."""
        ended = _stat(self._pid)
        ticks = sum(int(ended[place]) for place in _OF_CHILDREN)
        return ticks / TICKS_A_SECOND + sum(map(cpu_seconds_of, [self._pid, *self._children()]))

    def resident_mib(self) -> float:
        """Shared memory is counted in each process that has touched it."""
        return sum(map(resident_mib_of, [self._pid, *self._children()]))

    def _children(self) -> list[int]:
        text = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text()
        return [int(pid) for pid in text.split()]


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
