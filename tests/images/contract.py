"""What every image library keeps to; each implementation's tests inherit these.

An implementation makes `images` in a fixture, open, and `shared`, another process's view of the
same library.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from photon.images.errors import (
    ImageFileMissing,
    ImageLibraryBusy,
    ImageUploadError,
    UnsupportedImageFileType,
)
from photon.images.progress import Phase
from photon.images.protocol import Images
from photon.images.shelf import ShelfFile
from tests.images.builders import MIB, RAW_BYTES, a_vmdk, an_ova, converted, in_chunks


class ImagesContract:
    async def test_a_plain_qcow2_is_kept_byte_for_byte(self, images: Images, raw: Path) -> None:
        upload = converted(raw, "qcow2").read_bytes()
        stored = await images.receive(in_chunks(upload), total_bytes=len(upload))
        assert stored.checksum == hashlib.sha256(upload).hexdigest()
        assert (stored.file_size_bytes, stored.virtual_size_bytes) == (len(upload), RAW_BYTES)
        chunks = await images.read(stored.checksum)
        assert chunks.size_bytes == len(upload)
        assert b"".join([chunk async for chunk in chunks]) == upload

    @pytest.mark.parametrize(
        "make",
        [
            pytest.param(lambda raw: raw.read_bytes(), id="raw"),
            pytest.param(lambda raw: a_vmdk(raw).read_bytes(), id="vmdk"),
            pytest.param(lambda raw: an_ova(a_vmdk(raw).read_bytes()), id="ova"),
        ],
    )
    async def test_the_disk_of_every_type_is_as_large_as_it_was(
        self, images: Images, raw: Path, make: Callable[[Path], bytes]
    ) -> None:
        stored = await images.receive(in_chunks(make(raw)))
        assert stored.virtual_size_bytes == RAW_BYTES
        assert [file.checksum for file in await images.list()] == [stored.checksum]

    async def test_the_settings_of_an_ova_come_along(self, images: Images, raw: Path) -> None:
        stored = await images.receive(in_chunks(an_ova(a_vmdk(raw).read_bytes())))
        assert [(s.name, s.default_value) for s in stored.settings] == [
            ("scsi0.virtualDev", "lsilogic")
        ]

    async def test_the_same_content_is_one_file_for_all(
        self, images: Images, shared: Images, content: bytes
    ) -> None:
        first, second = await asyncio.gather(
            images.receive(in_chunks(content)), shared.receive(in_chunks(content))
        )
        assert first == second
        assert shared.path_of(first.checksum) == images.path_of(first.checksum)
        assert [file.checksum for file in await shared.list()] == [first.checksum]

    async def test_what_is_deleted_is_gone_for_all(
        self, images: Images, shared: Images, content: bytes
    ) -> None:
        stored = await images.receive(in_chunks(content))
        [file] = await images.list()
        assert await shared.delete(file)
        assert not await images.delete(file)
        with pytest.raises(ImageFileMissing):
            images.path_of(stored.checksum)
        with pytest.raises(ImageFileMissing):
            await images.read(stored.checksum)
        assert await images.list() == ()

    async def test_who_decided_late_deletes_no_file_that_came_since(
        self, images: Images, shared: Images, content: bytes
    ) -> None:
        """As a sweeper that was frozen between its look at the store and its deletion."""
        stored = await images.receive(in_chunks(content))
        [seen] = await images.list()
        await shared.receive(in_chunks(content))
        assert not await images.delete(seen)
        assert images.path_of(stored.checksum)
        [now] = await images.list()
        assert await images.delete(now)

    @pytest.mark.parametrize("checksum", ["", "../../etc/passwd", "A" * 64, "a" * 63])
    async def test_nothing_but_a_checksum_names_a_file(self, images: Images, checksum: str) -> None:
        with pytest.raises(ImageFileMissing):
            images.path_of(checksum)
        with pytest.raises(ImageFileMissing):
            await images.delete(ShelfFile(checksum, 1))

    async def test_what_is_no_image_is_refused_and_not_kept(self, images: Images) -> None:
        for content in (b"", b"words" * 1000, b"PK\x03\x04" + bytes(1000)):
            with pytest.raises(UnsupportedImageFileType):
                await images.receive(in_chunks(content))
        assert await images.list() == ()
        assert not await images.receives()

    async def test_progress_passes_all_phases_and_never_goes_back(
        self, images: Images, content: bytes
    ) -> None:
        seen: list[tuple[Phase, int]] = []
        await images.receive(
            in_chunks(content), lambda done, total, phase: seen.append((phase, done))
        )
        order = list(Phase)
        places = [(order.index(phase), done) for phase, done in seen]
        assert places == sorted(places)
        assert {phase for phase, _ in seen} == set(order)

    async def test_whoever_receives_is_seen_by_all_until_it_is_done(
        self, images: Images, shared: Images, content: bytes
    ) -> None:
        started, go_on = asyncio.Event(), asyncio.Event()

        async def waiting() -> AsyncIterator[bytes]:
            yield content[:MIB]
            started.set()
            await go_on.wait()
            yield content[MIB:]

        upload = asyncio.create_task(images.receive(waiting()))
        await started.wait()
        assert await images.receives()
        assert await shared.receives()
        go_on.set()
        await upload
        assert not await images.receives()
        assert not await shared.receives()

    async def test_a_stream_that_breaks_off_leaves_nothing(
        self, images: Images, content: bytes
    ) -> None:
        async def breaking() -> AsyncIterator[bytes]:
            yield content[: 2 * MIB]
            raise ImageUploadError("the connection broke off")

        with pytest.raises(ImageUploadError, match="broke off"):
            await images.receive(breaking())
        assert await images.list() == ()
        assert not await images.receives()

    @pytest.mark.parametrize("fatal", list(Phase))
    async def test_who_is_cancelled_in_any_phase_leaves_nothing(
        self, images: Images, content: bytes, fatal: Phase
    ) -> None:
        task: asyncio.Task[object]

        def cancel(done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
            if phase is fatal:
                task.cancel()

        task = asyncio.create_task(images.receive(in_chunks(content), cancel))
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await images.list() == ()
        assert not await images.receives()

    async def test_only_so_many_are_taken_at_once(self, images: Images, content: bytes) -> None:
        """The fixture's limit is two."""
        go_on = asyncio.Event()

        async def waiting() -> AsyncIterator[bytes]:
            await go_on.wait()
            yield content

        two = [asyncio.create_task(images.receive(waiting())) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(ImageLibraryBusy):
            images.admit()
        go_on.set()
        await asyncio.gather(*two)
        images.admit()
