"""A cell for each part of the cloud: a control group that holds its processes and all of theirs.

Whatever a part starts is in its cell, so that none is forgotten when it is frozen, cut off, or
ended. What a process sends is known by its cell as well, whatever its address (`cuts.py`).
"""

from __future__ import annotations

import contextlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MOUNTS: Final = Path("/proc/mounts")
# What was killed leaves its group within milliseconds; a disk that hangs keeps it longer.
EMPTY_SECONDS_MAX: Final = 20.0
POLL_SECONDS: Final = 0.02


def unified(mounts: Path = MOUNTS) -> Path | None:
    """Where the second version of control groups is mounted, if anywhere."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return None
    fields = [line.split() for line in lines]
    return next((Path(each[1]) for each in fields if each[2] == "cgroup2"), None)


@dataclass(frozen=True, slots=True)
class Cell:
    folder: Path

    def prefix(self) -> tuple[str, ...]:
        """Put before a command: it runs in this cell from its first moment."""
        move = f'echo $$ > "{self.folder}/cgroup.procs" && exec "$@"'
        return ("/bin/sh", "-c", move, "sh")

    def pids(self) -> list[int]:
        try:
            return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]
        except OSError:
            return []

    def kill(self) -> None:
        """Ends all at once, and returns when they are gone."""
        with contextlib.suppress(OSError):
            (self.folder / "cgroup.kill").write_text("1")
        _until_empty(self.folder)


class Cells:
    """One run's cells. `root` is removed with all that lives in it by `end`.

    Raises OSError where control groups cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)

    @classmethod
    def at(cls, root: Path) -> Cells | None:
        """None where such groups are not ours to make, or cannot be ended as a whole."""
        try:
            cells = cls(root)
            with (root / "cgroup.kill").open("w"):
                return cells
        except OSError:
            return None

    def cell(self, name: str) -> Cell:
        folder = self.root / name
        folder.mkdir(exist_ok=True)
        return Cell(folder)

    def end(self) -> None:
        """Kills whatever lives in any of them, and takes the groups away."""
        if not self.root.exists():
            return
        (self.root / "cgroup.kill").write_text("1")
        _until_empty(self.root)
        for folder, _, _ in os.walk(self.root, topdown=False):
            with contextlib.suppress(OSError):
                Path(folder).rmdir()


def _until_empty(folder: Path) -> None:
    """Dead processes that nobody reaped yet do not count."""
    deadline = time.monotonic() + EMPTY_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            if "populated 0" in (folder / "cgroup.events").read_text():
                return
        except OSError:
            return
        time.sleep(POLL_SECONDS)
