"""Places for files in the making, which nothing survives: not a refusal, a cancellation or a kill.

    tmp/<id of the process>/<id of the work>/...

A process holds a lock on its own directory; a directory that nobody holds was left by a process
that died, and the next to open the same library deletes it. So several may share one library.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

from photon.images.threads import Threads
from photon.outside.ids import Ids

OPEN_TRIES_MAX = 5  # Somebody's sweep can take the new directory before it is locked.


class Workspaces:
    """The working directories of one process. `open` comes first, `close` last."""

    def __init__(self, parent: Path, ids: Ids, threads: Threads) -> None:
        self._parent = parent
        self._ids = ids
        self._threads = threads
        self._own: Path | None = None
        self._lock = -1

    async def open(self) -> None:
        """Deletes what dead processes left, then makes and locks this process's own directory."""
        await self._threads.run(self._open)

    async def close(self) -> None:
        await self._threads.run(self._close)

    @contextlib.asynccontextmanager
    async def new(self) -> AsyncIterator[Path]:
        """An empty directory, deleted with all that is in it when the block ends, however."""
        assert self._own is not None, "open() comes first"
        place = self._own / self._ids.new()
        try:
            await self._threads.run(place.mkdir, mode=0o700)
            yield place
        finally:
            await self._threads.run(_remove, place)

    async def busy_elsewhere(self) -> bool:
        """Whether another process that lives works on something in this library."""
        return await self._threads.run(self._busy_elsewhere)

    def _busy_elsewhere(self) -> bool:
        for other in self._parent.iterdir():
            if other == self._own or not _has_work(other):
                continue
            lock = _try_lock(other)
            if lock is None:
                return other.exists()
            os.close(lock)  # left by a process that died
        return False

    def _open(self) -> None:
        self._parent.mkdir(parents=True, exist_ok=True)
        for left in self._parent.iterdir():
            lock = _try_lock(left)
            if lock is not None:
                shutil.rmtree(left, ignore_errors=True)  # another sweep may be at it as well
                os.close(lock)
        for _ in range(OPEN_TRIES_MAX):
            own = self._parent / self._ids.new()
            own.mkdir(mode=0o700)
            lock = _try_lock(own)
            if lock is not None and own.exists():
                self._own, self._lock = own, lock
                return
            if lock is not None:
                os.close(lock)
        raise OSError(f"no directory under {self._parent} could be made and locked")

    def _close(self) -> None:
        if self._own is not None:
            shutil.rmtree(self._own)
            os.close(self._lock)
            self._own = None


def _remove(place: Path) -> None:
    if place.exists():
        shutil.rmtree(place)


def _has_work(directory: Path) -> bool:
    try:
        return any(directory.iterdir())
    except FileNotFoundError:
        return False


def _try_lock(directory: Path) -> int | None:
    """The descriptor that holds the lock; None when another has it, or the directory is gone."""
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
