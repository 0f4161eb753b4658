"""From a received file to a checked, standalone, durable qcow2 with its checksum."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from photon.domain.errors import PhotonError
from photon.domain.image import ImageSetting
from photon.images import qcow2, vmdk
from photon.images.detect import HEAD_BYTES, ImageType, detect
from photon.images.errors import (
    ImageStoreFull,
    ImageUploadError,
    InvalidOva,
    InvalidVmdkFormat,
    UnsupportedImageFileType,
)
from photon.images.limits import MIB, ImageLimits
from photon.images.ova import Ova, read_ova
from photon.images.progress import Phase, Progress
from photon.images.qemu_img import ImageUnreadable, OutputTooLarge, QemuImg, Source
from photon.images.span import Span
from photon.images.spool import free_bytes_above
from photon.images.threads import Threads

HASH_BYTES = 32 * MIB  # A turn in a thread: 20 to 100 ms, the longest that a cancellation waits.
HASH_READ_BYTES = MIB


@dataclass(frozen=True)
class Taken:
    path: Path
    checksum: str
    file_size_bytes: int
    virtual_size_bytes: int
    settings: tuple[ImageSetting, ...]


@dataclass(frozen=True)
class _Inspected:
    """What the library's own reading of the headers found."""

    type: ImageType
    source: Source
    virtual_bytes: int
    plain: bool = False
    ova: Ova | None = None


class Intake:
    """Checks and converts. At most `limits.conversions_max` at a time; the others wait here."""

    def __init__(self, threads: Threads, limits: ImageLimits, qemu_img: QemuImg) -> None:
        self._threads = threads
        self._limits = limits
        self._qemu_img = qemu_img
        self._turns = asyncio.Semaphore(limits.conversions_max)

    async def take(self, upload: Path, target: Path, progress: Progress) -> Taken:
        """The finished file is `upload` itself, when it can be kept as it came, or `target`.

        Raises what `ImageLibrary.receive` does.
        """
        progress(0, None, Phase.CHECKING)
        found = await self._threads.run(self._inspect, upload)
        async with self._turns:
            await self._check_manifest(upload, found.ova, progress)
            try:
                finished = upload if await self._is_fit(found, progress) else target
                if finished is target:
                    await self._convert(found, target, progress)
            except ImageUnreadable as error:
                raise _corrupt(found.type) from error
            return await self._finish(finished, found, progress)

    def _inspect(self, upload: Path) -> _Inspected:
        virtual_bytes_max = self._limits.virtual_bytes_max
        with upload.open("rb") as file:
            file_bytes = os.fstat(file.fileno()).st_size
            head = file.read(HEAD_BYTES)
            whole = Span(0, file_bytes)
            match detect(head, file_bytes):
                case ImageType.QCOW2:
                    header = qcow2.inspect(head, virtual_bytes_max=virtual_bytes_max)
                    source = Source(upload, whole, "qcow2")
                    size = header.virtual_bytes
                    return _Inspected(ImageType.QCOW2, source, size, plain=header.plain)
                case ImageType.VMDK:
                    size = vmdk.inspect(file, whole, virtual_bytes_max=virtual_bytes_max)
                    return _Inspected(ImageType.VMDK, Source(upload, whole, "vmdk"), size)
                case ImageType.OVA:
                    ova = read_ova(file, file_bytes)
                    size = vmdk.inspect(file, ova.disk, virtual_bytes_max=virtual_bytes_max)
                    source = Source(upload, ova.disk, "vmdk")
                    return _Inspected(ImageType.OVA, source, size, ova=ova)
                case ImageType.RAW:
                    if file_bytes > virtual_bytes_max:
                        raise ImageUploadError(f"its disk is over {virtual_bytes_max} bytes")
                    return _Inspected(ImageType.RAW, Source(upload, whole, "raw"), file_bytes)

    async def _check_manifest(self, upload: Path, ova: Ova | None, progress: Progress) -> None:
        for digest in ova.digests if ova else ():
            actual = await self._hash(
                upload,
                digest.span,
                digest.algorithm,
                lambda done, total: progress(done, total, Phase.CHECKING),
            )
            if actual != digest.hex_digest:
                raise InvalidOva(f"its member {digest.name} does not match the manifest")

    async def _is_fit(self, found: _Inspected, progress: Progress) -> bool:
        """Whether what was received can be kept as it is; tables, where it has any, are checked."""
        if found.type is ImageType.RAW:
            return False
        report = await self._qemu_img.check(found.source)
        if report.leaks or not found.plain:
            return False
        if report.compressed:
            # The tables do not tell whether compressed clusters can be read; reading them does.
            on_percent = _share_of(found.virtual_bytes, Phase.CHECKING, progress)
            await self._qemu_img.read_through(found.source, found.virtual_bytes, on_percent)
        return True

    async def _convert(self, found: _Inspected, target: Path, progress: Progress) -> None:
        free_bytes = await self._threads.run(free_bytes_above, target.parent, self._limits)
        output_bytes_max = min(free_bytes, self._limits.file_bytes_max)
        on_percent = _share_of(found.virtual_bytes, Phase.CONVERTING, progress)
        on_percent(0)
        try:
            await self._qemu_img.convert(
                found.source, target, output_bytes_max=output_bytes_max, on_percent=on_percent
            )
        except OutputTooLarge as error:
            if output_bytes_max == free_bytes:
                needed_bytes = min(found.virtual_bytes, self._limits.file_bytes_max)
                raise ImageStoreFull(needed_bytes=needed_bytes, free_bytes=free_bytes) from error
            raise ImageUploadError(
                f"its disk has more than the {output_bytes_max} bytes of content that are taken"
            ) from error

    async def _finish(self, finished: Path, found: _Inspected, progress: Progress) -> Taken:
        file_bytes, virtual_bytes = await self._threads.run(self._sync, finished)
        checksum = await self._hash(
            finished,
            Span(0, file_bytes),
            "sha256",
            lambda done, total: progress(done, total, Phase.STORING),
        )
        settings = found.ova.settings if found.ova else ()
        return Taken(finished, checksum, file_bytes, virtual_bytes, settings)

    def _sync(self, finished: Path) -> tuple[int, int]:
        """Makes the file durable; its size and the disk's, by the header that hosts will read."""
        with finished.open("rb") as file:
            os.fsync(file.fileno())
            file_bytes = os.fstat(file.fileno()).st_size
            head = file.read(HEAD_BYTES)
            header = qcow2.inspect(head, virtual_bytes_max=self._limits.virtual_bytes_max)
        assert header.plain, "what we convert is standalone"
        return file_bytes, header.virtual_bytes

    async def _hash(
        self, path: Path, span: Span, algorithm: str, on_bytes: Callable[[int, int], None]
    ) -> str:
        digest = hashlib.new(algorithm, usedforsecurity=False)
        done_bytes = 0
        on_bytes(0, span.bytes)
        while done_bytes < span.bytes:
            part = Span(span.offset + done_bytes, min(HASH_BYTES, span.bytes - done_bytes))
            await self._threads.run(_hash_part, path, part, digest.update)
            done_bytes += part.bytes
            on_bytes(done_bytes, span.bytes)
        return digest.hexdigest()


def _hash_part(path: Path, part: Span, update: Callable[[bytes], None]) -> None:
    with path.open("rb", buffering=0) as file:
        file.seek(part.offset)
        left_bytes = part.bytes
        while left_bytes:
            piece = file.read(min(HASH_READ_BYTES, left_bytes))
            assert piece, "the file is ours and does not shrink"
            update(piece)
            left_bytes -= len(piece)


def _share_of(virtual_bytes: int, phase: Phase, progress: Progress) -> Callable[[int], None]:
    return lambda percent: progress(virtual_bytes * percent // 100, virtual_bytes, phase)


def _corrupt(type: ImageType) -> PhotonError:
    match type:
        case ImageType.VMDK:
            return InvalidVmdkFormat("parts of the disk cannot be read; it is corrupt or cut off")
        case ImageType.OVA:
            return InvalidOva("parts of its disk cannot be read; it is corrupt or cut off")
        case ImageType.QCOW2 | ImageType.RAW:
            return UnsupportedImageFileType("parts of it cannot be read; it is corrupt or cut off")
