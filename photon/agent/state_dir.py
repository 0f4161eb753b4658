"""The directory of one agent, and the lock that keeps a second one out of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from photon.agent.config import BadConfig

LOCK_FILE = "lock"


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Makes the directory if need be, and holds it until the end; the kernel lets go of it.

    Raises:
        BadConfig: another agent holds it, or it cannot be made.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise BadConfig(f"The state directory cannot be used: {problem}.") from problem
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise BadConfig(
                f"Another agent (process {holder}) holds {directory}. Stop it first, or give this "
                "one a directory of its own."
            ) from problem
        os.ftruncate(lock, 0)
        os.pwrite(lock, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(lock)
