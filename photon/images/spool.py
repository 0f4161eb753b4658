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
        """The number of bytes that came and now are in `path`; batches of zeros become holes.

        Raises:
            ImageUploadError: there are too many bytes, or they come too slowly.
            ImageStoreFull: the file system has no room for them, or for `total_bytes`.
        """
        with await self.threads.run(_create, path) as file:
            await self.threads.run(self._check_space, file, total_bytes or 0)
            received_bytes, more = 0, True
            while more:
                progress(received_bytes, total_bytes, Phase.RECEIVING)
                batch, more = await self._batch(chunks)
                received_bytes += len(batch)
                if received_bytes > self.limits.file_bytes_max:
                    raise ImageUploadError(
                        f"it is larger than the {self.limits.file_bytes_max} bytes that are taken"
                    )
                await self.threads.run(self._append, file, batch)
            await self.threads.run(file.truncate, received_bytes)  # the last batch may be a hole
        progress(received_bytes, total_bytes, Phase.RECEIVING)
        return received_bytes

    async def _batch(self, chunks: AsyncIterator[bytes]) -> tuple[bytes, bool]:
        """At least BATCH_BYTES, or what is left; and whether more may come."""
        pieces: list[bytes] = []
        batch_bytes, more = 0, True
        seconds_max = self.limits.batch_seconds_max
        try:
            async with asyncio.timeout(seconds_max):
                while batch_bytes < BATCH_BYTES:
                    pieces.append(await anext(chunks))
                    batch_bytes += len(pieces[-1])
        except StopAsyncIteration:
            more = False
        except TimeoutError as error:
            raise ImageUploadError(
                f"its bytes came too slowly: {batch_bytes} in {seconds_max} seconds"
            ) from error
        return b"".join(pieces), more

    def _append(self, file: FileIO, batch: bytes) -> None:
        if batch == bytes(len(batch)):  # a comparison that ends at the first other byte
            file.seek(len(batch), os.SEEK_CUR)
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
