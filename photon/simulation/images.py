"""An image library in memory: the same checks of what comes, and nothing that is converted.

What is not a plain qcow2 is stored as it came behind a line that says so: no guest of a simulation
reads it, and it has a checksum of its own, as the product of a conversion has.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from photon.domain.image import ImageSetting
from photon.images import qcow2, vmdk
from photon.images.arrivals import Arrival
from photon.images.detect import HEAD_BYTES, ImageType, detect
from photon.images.errors import ImageFileMissing, ImageLibraryBusy, ImageUploadError
from photon.images.limits import ImageLimits
from photon.images.ova import read_ova
from photon.images.progress import Phase, Progress, silent
from photon.images.reading import READ_BYTES
from photon.images.shelf import CHECKSUM, ShelfFile
from photon.images.span import Span
from photon.images.spool import BATCH_BYTES
from photon.images.stored import StoredImage

ROOT: Final = Path("/simulated/images")  # Names files that are nowhere.


@dataclass(slots=True)
class MemoryShelf:
    """What all controllers share, and what outlives them."""

    files: dict[str, bytes] = field(default_factory=dict)
    made: dict[str, int] = field(default_factory=dict)  # the how-manieth file each of them is
    puts: int = 0
    receiving: dict[str, int] = field(default_factory=dict)  # by the name of the process

    def forget(self, name: str) -> None:
        """The process of this name is dead: it receives nothing any more."""
        self.receiving.pop(name, None)


class MemoryImages:
    """See Images: the library of the process `name`."""

    def __init__(self, shelf: MemoryShelf, name: str, *, limits: ImageLimits | None = None) -> None:
        self._shelf = shelf
        self._name = name
        self._limits = limits or ImageLimits()
        self.arrivals: dict[str, Arrival] = {}

    async def open(self) -> None:
        self._shelf.receiving[self._name] = 0

    async def close(self) -> None:
        self._shelf.forget(self._name)

    async def receives(self) -> bool:
        return any(self._shelf.receiving.values())

    def admit(self) -> None:
        if self._shelf.receiving[self._name] >= self._limits.uploads_max:
            raise ImageLibraryBusy(self._limits.uploads_max)

    async def receive(
        self,
        chunks: AsyncIterator[bytes],
        progress: Progress = silent,
        *,
        total_bytes: int | None = None,
    ) -> StoredImage:
        self.admit()
        self._shelf.receiving[self._name] += 1
        try:
            content = await self._received(chunks, progress, total_bytes)
            # Each phase takes a turn of the loop, so that a cancellation may come in any of them.
            for phase in (Phase.CHECKING, Phase.CONVERTING, Phase.STORING):
                progress(0, len(content), phase)
                await asyncio.sleep(0)
            return self._stored(content, progress)
        finally:
            if self._name in self._shelf.receiving:
                self._shelf.receiving[self._name] -= 1

    async def _received(
        self, chunks: AsyncIterator[bytes], progress: Progress, total_bytes: int | None
    ) -> bytes:
        pieces: list[bytes] = []
        done_bytes, told_bytes = 0, 0
        progress(0, total_bytes, Phase.RECEIVING)
        seconds_max = self._limits.batch_seconds_max
        while True:
            try:
                async with asyncio.timeout(seconds_max):
                    piece = await anext(chunks)
            except StopAsyncIteration:
                break
            except TimeoutError as error:
                raise ImageUploadError(f"no bytes came in {seconds_max} seconds") from error
            pieces.append(piece)
            done_bytes += len(piece)
            if done_bytes > self._limits.file_bytes_max:
                limit = self._limits.file_bytes_max
                raise ImageUploadError(f"it is larger than the {limit} bytes that are taken")
            if done_bytes - told_bytes >= BATCH_BYTES:
                progress(done_bytes, total_bytes, Phase.RECEIVING)
                told_bytes = done_bytes
        progress(done_bytes, total_bytes, Phase.RECEIVING)
        return b"".join(pieces)

    def _stored(self, content: bytes, progress: Progress) -> StoredImage:
        kind, virtual_bytes, settings = _inspected(content, self._limits.virtual_bytes_max)
        if kind is not ImageType.QCOW2:
            content = f"made of a {kind}: ".encode() + content
        checksum = hashlib.sha256(content).hexdigest()
        self._shelf.files[checksum] = content
        self._shelf.puts += 1
        self._shelf.made[checksum] = self._shelf.puts
        progress(len(content), len(content), Phase.STORING)
        return StoredImage(checksum, len(content), virtual_bytes, settings)

    def path_of(self, checksum: str) -> Path:
        self._content(checksum)
        return ROOT / checksum

    async def read(self, checksum: str) -> MemoryChunks:
        return MemoryChunks(self._content(checksum))

    async def delete(self, file: ShelfFile) -> bool:
        if not CHECKSUM.fullmatch(file.checksum):
            raise ImageFileMissing(file.checksum[:64])
        if self._shelf.made.get(file.checksum, 0) != file.made[1]:
            return False
        self._shelf.made.pop(file.checksum, None)
        return self._shelf.files.pop(file.checksum, None) is not None

    async def list(self) -> tuple[ShelfFile, ...]:
        files, made = sorted(self._shelf.files.items()), self._shelf.made
        return tuple([ShelfFile(sum_, len(content), (0, made[sum_])) for sum_, content in files])

    def _content(self, checksum: str) -> bytes:
        content = self._shelf.files.get(checksum)
        if content is None:
            raise ImageFileMissing(checksum[:64])
        return content


class MemoryChunks:
    """See Chunks."""

    def __init__(self, content: bytes) -> None:
        self._left = memoryview(content)
        self.size_bytes = len(content)

    def __aiter__(self) -> MemoryChunks:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        chunk, self._left = bytes(self._left[:READ_BYTES]), self._left[READ_BYTES:]
        return chunk

    async def close(self) -> None:
        self._left = memoryview(b"")


def _inspected(
    content: bytes, virtual_bytes_max: int
) -> tuple[ImageType, int, tuple[ImageSetting, ...]]:
    """The type, the size of the disk, and the settings; refused as the real library refuses it."""
    head, file, whole = content[:HEAD_BYTES], io.BytesIO(content), Span(0, len(content))
    kind = detect(head, len(content))
    match kind:
        case ImageType.QCOW2:
            header = qcow2.inspect(head, virtual_bytes_max=virtual_bytes_max)
            return kind, header.virtual_bytes, ()
        case ImageType.VMDK:
            return kind, vmdk.inspect(file, whole, virtual_bytes_max=virtual_bytes_max), ()
        case ImageType.OVA:
            ova = read_ova(file, len(content))
            size = vmdk.inspect(file, ova.disk, virtual_bytes_max=virtual_bytes_max)
            return kind, size, ova.settings
        case ImageType.RAW:
            if len(content) > virtual_bytes_max:
                raise ImageUploadError(f"its disk is over {virtual_bytes_max} bytes")
            return kind, len(content), ()
