"""Whether a lock on a file of a directory is seen by other machines that mount it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from photon.agent.drivers.qemu.commands import CommandFailed

MOUNTS: Final = Path("/proc/self/mountinfo")
_NETWORKED: Final = ("nfs", "nfs4")
# Mounted so, each machine keeps its locks to itself.
_LOCAL: Final = frozenset({"nolock", "local_lock=flock", "local_lock=all"})
_ESCAPED: Final = re.compile(r"\\([0-7]{3})")  # how the kernel writes blanks in names


def check_locks_are_seen(directory: Path, mounts: Path = MOUNTS) -> None:
    """CommandFailed when hosts that share the directory would not wait for each other."""
    best, options = Path("/"), frozenset[str]()
    for line in mounts.read_text().splitlines():
        about, _, kind = line.partition(" - ")
        place = Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), about.split()[4]))
        # The last line of a mount point is what is seen there.
        if directory.is_relative_to(place) and len(place.parts) >= len(best.parts):
            type, _, said = kind.split(maxsplit=2)
            best = place
            options = frozenset(said.split(",")) if type in _NETWORKED else frozenset()
    if wrong := sorted(options & _LOCAL):
        raise CommandFailed(
            f"{best} is mounted with {wrong[0]}, so the hosts that share {directory} do not see "
            "each other's locks: mount it without."
        )
