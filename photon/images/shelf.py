"""The finished files: by-checksum/<2 hex>/<sha256>.qcow2, read-only, each complete or not there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from photon.images.errors import ImageFileMissing

CHECKSUM = re.compile(r"[0-9a-f]{64}")
SUFFIX = ".qcow2"
READ_ONLY = 0o444  # Guests' disks are children of these files: a write into one breaks them all.


@dataclass(frozen=True)
class ShelfFile:
    checksum: str
    file_size_bytes: int


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
        finished.rename(place)
        # Both, and each time: who made the directory may have been killed before its entry lasted.
        _sync_directory(place.parent)
        _sync_directory(self.root)

    def delete(self, checksum: str) -> bool:
        """Whether there was such a file."""
        place = self._place(checksum)
        try:
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
                    yield ShelfFile(checksum, path.stat().st_size)

    def _place(self, checksum: str) -> Path:
        # The checksum comes from a request or a stored record, and becomes part of a path.
        if not CHECKSUM.fullmatch(checksum):
            raise ImageFileMissing(checksum[:64])
        return self.root / checksum[:2] / (checksum + SUFFIX)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
