"""The finished files: by-checksum/<2 hex>/<sha256>.qcow2, read-only, each complete or not there."""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from photon.images.errors import ImageFileMissing

CHECKSUM = re.compile(r"[0-9a-f]{64}")
SUFFIX = ".qcow2"
READ_ONLY = 0o444  # Guests' disks are children of these files: a write into one breaks them all.


@dataclass(frozen=True)
class ShelfFile:
    """`made` tells it from another file of the same content that was put here later."""

    checksum: str
    file_size_bytes: int
    made: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Shelf:
    """Blocking; the library calls it from its threads."""

    root: Path

    def open(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)

    def path_of(self, checksum: str) -> Path:
        """Where the file is.

        Raises:
            ImageFileMissing: there is none, or `checksum` is no checksum.
        """
        path = self._place(checksum)
        if not path.is_file():
            raise ImageFileMissing(checksum)
        return path

    def put(self, finished: Path, checksum: str) -> None:
        """Moves a file whose bytes are durable here; one that is here already is replaced.

        The replacement is its equal, so that nobody notices, unless the disk had damaged the file.
        """
        place = self._place(checksum)
        place.parent.mkdir(exist_ok=True)
        finished.chmod(READ_ONLY)
        with _alone_in(place.parent):
            finished.rename(place)
        # Both, and each time: who made the directory may have been killed before its entry lasted.
        _sync_directory(place.parent)
        _sync_directory(self.root)

    def delete(self, checksum: str, made: tuple[int, int] | None = None) -> bool:
        """Whether there was such a file. With `made`, only that one: who decided upon it some time
        ago must not delete what was put in its place since."""
        place = self._place(checksum)
        try:
            with _alone_in(place.parent):
                if made is not None and _made(place.stat()) != made:
                    return False
                place.unlink()
        except FileNotFoundError:
            return False
        _sync_directory(place.parent)
        return True

    def files(self) -> Iterator[ShelfFile]:
        """All files, by ascending checksum."""
        for directory in sorted(self.root.iterdir()):
            for path in sorted(directory.iterdir()):
                checksum = path.name.removesuffix(SUFFIX)
                if path.name.endswith(SUFFIX) and CHECKSUM.fullmatch(checksum):
                    found = path.stat()
                    yield ShelfFile(checksum, found.st_size, _made(found))

    def _place(self, checksum: str) -> Path:
        # The checksum comes from a request or a stored record, and becomes part of a path.
        if not CHECKSUM.fullmatch(checksum):
            raise ImageFileMissing(checksum[:64])
        return self.root / checksum[:2] / (checksum + SUFFIX)


def _made(found: os.stat_result) -> tuple[int, int]:
    return found.st_ino, found.st_mtime_ns


@contextmanager
def _alone_in(directory: Path) -> Iterator[None]:
    """Of all processes that share the library, for a moment; a dead one's lock ends with it."""
    lock = os.open(directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
