"""Exclusive use: one controller process a SQLite file."""

from __future__ import annotations

import fcntl
import os

from photon.store.errors import StoreLocked


class FileLock:
    """Held until `release`, or until the process is gone, however it went."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(self._descriptor, 32, 0).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StoreLocked(path, holder) from error
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        # The file stays: who removes it could remove one that another process has just locked.
        os.close(self._descriptor)
