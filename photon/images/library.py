"""The image library: takes a stream, hands out a checked, standalone qcow2 known by its checksum.

    tmp/          work of running processes (photon.images.workspace)
    by-checksum/  the finished files (photon.images.shelf)

An image passes RECEIVING, CHECKING, CONVERTING and STORING; what fails or is cancelled on the way
leaves nothing behind. The same content stored twice is one file: who deletes one first makes sure
that no other image has its checksum, and that none with it is on its way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from photon.images.arrivals import Arrival
from photon.images.errors import ImageLibraryBusy
from photon.images.intake import Intake
from photon.images.limits import MIB, ImageLimits
from photon.images.progress import Progress, silent
from photon.images.qemu_img import QemuImg
from photon.images.reading import FileChunks, opened
from photon.images.shelf import Shelf, ShelfFile
from photon.images.spool import Spool
from photon.images.stored import StoredImage
from photon.images.threads import Threads
from photon.images.workspace import Workspaces
from photon.outside.ids import Ids

IMPORT_BYTES = MIB  # Read at once from a file that is on this machine already.


class ImageLibrary:
    """One process's view of the library under `root`; several processes may share it.

    `open` comes first, `close` last, when nothing is running. All may be called at any time in
    between; a cancelled `receive` cleans up before it ends.

    `arrivals` are the uploads on their way through this process, by the ids of their images.
    """

    def __init__(self, root: Path, ids: Ids, *, limits: ImageLimits | None = None) -> None:
        self._limits = limits or ImageLimits()
        self._threads = Threads()
        self._workspaces = Workspaces(root / "tmp", ids, self._threads)
        self._shelf = Shelf(root / "by-checksum")
        self._uploads = 0
        self.arrivals: dict[str, Arrival] = {}
        self._spool = Spool(self._threads, self._limits)
        self._qemu_img = QemuImg(seconds_max=self._limits.tool_seconds_max)
        self._intake = Intake(self._threads, self._limits, self._qemu_img)

    async def open(self) -> None:
        """Makes the directories, and deletes what processes that died were working on."""
        await self._threads.run(self._shelf.open)
        await self._workspaces.open()

    async def close(self) -> None:
        await self._workspaces.close()
        self._threads.close()

    async def receives(self) -> bool:
        """Whether any process that shares this library is taking an image now."""
        return self._uploads > 0 or await self._workspaces.busy_elsewhere()

    def admit(self) -> None:
        """Would an image be taken now? Asked before anything is made for it.

        Raises:
            ImageLibraryBusy: as many are being taken as may.
            ImageToolFailed: the conversion program is missing.
        """
        self._qemu_img.require()
        if self._uploads >= self._limits.uploads_max:
            raise ImageLibraryBusy(self._limits.uploads_max)

    async def receive(
        self,
        chunks: AsyncIterator[bytes],
        progress: Progress = silent,
        *,
        total_bytes: int | None = None,
    ) -> StoredImage:
        """Stores the image that `chunks` carry; `total_bytes` is their sum, where it is known.

        A cancellation that comes while the finished file moves to the shelf leaves it there,
        complete, as one that no image has.

        Raises:
            UnsupportedImageFileType, InvalidVmdkFormat, InvalidOva, UnsupportedDiskController: what
                came is not an image that can be used.
            ImageUploadError: it is too large, or comes too slowly.
            ImageStoreFull, ImageLibraryBusy: not now.
            ImageToolFailed: the fault is on this side.
        """
        self.admit()
        self._uploads += 1
        try:
            async with self._workspaces.new() as place:
                upload = place / "upload"
                await self._spool.write(chunks, upload, progress, total_bytes=total_bytes)
                taken = await self._intake.take(upload, place / "disk.qcow2", progress)
                await self._threads.run(self._shelf.put, taken.path, taken.checksum)
        finally:
            self._uploads -= 1
        return StoredImage(
            taken.checksum, taken.file_size_bytes, taken.virtual_size_bytes, taken.settings
        )

    async def import_file(self, path: Path, progress: Progress = silent) -> StoredImage:
        """As `receive`, from a file of this machine, which is left as it is."""
        total_bytes = (await self._threads.run(path.stat)).st_size
        return await self.receive(self._chunks_of(path), progress, total_bytes=total_bytes)

    def path_of(self, checksum: str) -> Path:
        """The file with that checksum: read-only, and never changed while it is there.

        Raises:
            ImageFileMissing: there is none.
        """
        return self._shelf.path_of(checksum)

    async def read(self, checksum: str) -> FileChunks:
        """The file's bytes. Raises ImageFileMissing: there is none with that checksum."""
        file, size_bytes = await self._threads.run(opened, self.path_of(checksum))
        return FileChunks(self._threads, file, size_bytes)

    async def delete(self, file: ShelfFile) -> bool:
        """Whether that file was there still; one of the same content that came since stays. Who has
        it open can read on."""
        return await self._threads.run(self._shelf.delete, file.checksum, file.made)

    async def list(self) -> tuple[ShelfFile, ...]:
        """Every finished file, by ascending checksum: for who looks for files without an image."""
        return await self._threads.run(lambda: tuple(self._shelf.files()))

    async def _chunks_of(self, path: Path) -> AsyncIterator[bytes]:
        with await self._threads.run(lambda: path.open("rb", buffering=0)) as file:
            while chunk := await self._threads.run(file.read, IMPORT_BYTES):
                yield chunk
