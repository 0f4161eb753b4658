"""A PostgreSQL server that a benchmark starts, as durable as it is by default, and its CPU."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from bench.failure import BenchFailed
from bench.processes import TICKS_A_SECOND, cpu_seconds_of, of_family, resident_mib_of
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

        def used(pids: Sequence[int]) -> float:
            ended = sum(int(_stat(self._pid)[place]) for place in _OF_CHILDREN)
            return ended / TICKS_A_SECOND + sum(map(cpu_seconds_of, pids))

        return of_family(self._pid, used)

    def resident_mib(self) -> float:
        """Shared memory is counted in each process that has touched it."""
        return of_family(self._pid, lambda pids: sum(map(resident_mib_of, pids)))


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
