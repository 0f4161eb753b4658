"""A stream onto disk: a MiB at a time, whatever its size and however it is cut."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from photon.images.errors import ImageStoreFull, ImageUploadError
from photon.images.limits import MIB, ImageLimits
from photon.images.progress import Phase, Progress
from photon.images.threads import Threads

BATCH_BYTES = MIB  # A trip to a thread costs some 50 us; writing this takes ten times that.
_ZEROS = bytes(BATCH_BYTES)


@dataclass(frozen=True)
class Spool:
    """Writes streams to files."""

    threads: Threads
    limits: ImageLimits

    async def write(
        self,
        chunks: AsyncIterator[bytes],
        path: Path,
        progress: Progress,
        *,
        total_bytes: int | None,
    ) -> int:
        """The number of bytes that came and now are in `path`; blocks of zeros become holes.

        Raises:
            ImageUploadError: there are too many bytes, or they come too slowly.
            ImageStoreFull: the file system has no room for them, or for `total_bytes`.
        """
        with await self.threads.run(_create, path) as file:
            await self.threads.run(self._check_space, file, total_bytes or 0)
            received_bytes = 0
            batch = bytearray()
            progress(0, total_bytes, Phase.RECEIVING)
            while await self._fill(batch, chunks):
                while len(batch) >= BATCH_BYTES:
                    await self.threads.run(self._append, file, bytes(batch[:BATCH_BYTES]))
                    del batch[:BATCH_BYTES]
                    received_bytes += BATCH_BYTES
                    progress(received_bytes, total_bytes, Phase.RECEIVING)
                self._check_size(received_bytes + len(batch))
            await self.threads.run(self._append, file, bytes(batch))
            received_bytes += len(batch)
            self._check_size(received_bytes)
            await self.threads.run(file.truncate, received_bytes)  # the last block may be a hole
        progress(received_bytes, total_bytes, Phase.RECEIVING)
        return received_bytes

    async def _fill(self, batch: bytearray, chunks: AsyncIterator[bytes]) -> bool:
        """Adds chunks until the batch is full; False when there are no more."""
        seconds_max = self.limits.batch_seconds_max
        try:
            async with asyncio.timeout(seconds_max):
                while len(batch) < BATCH_BYTES:
                    batch += await anext(chunks)
        except StopAsyncIteration:
            return False
        except TimeoutError as error:
            raise ImageUploadError(
                f"its bytes came too slowly: {len(batch)} in {seconds_max} seconds"
            ) from error
        return True

    def _check_size(self, received_bytes: int) -> None:
        bytes_max = self.limits.file_bytes_max
        if received_bytes > bytes_max:
            raise ImageUploadError(f"it is larger than the {bytes_max} bytes that are taken")

    def _append(self, file: FileIO, batch: bytes) -> None:
        if batch == _ZEROS:
            file.seek(BATCH_BYTES, os.SEEK_CUR)
            return
        self._check_space(file, len(batch))
        view = memoryview(batch)
        try:
            while view:
                view = view[file.write(view) :]
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise ImageStoreFull(needed_bytes=len(batch), free_bytes=0) from error
            raise

    def _check_space(self, file: FileIO, needed_bytes: int) -> None:
        free_bytes = free_bytes_above(file.fileno(), self.limits)
        if needed_bytes > free_bytes:
            raise ImageStoreFull(needed_bytes=needed_bytes, free_bytes=free_bytes)


def free_bytes_above(place: int | Path, limits: ImageLimits) -> int:
    """What the file system of `place` has for images, without what is left to others."""
    found = os.statvfs(place)
    return max(0, found.f_bavail * found.f_frsize - limits.free_bytes_min)


def _create(path: Path) -> FileIO:
    return path.open("xb", buffering=0)
