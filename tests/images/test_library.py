"""The library as a whole: what goes in, what comes out, and what a broken end leaves."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from photon.images.errors import (
    ImageFileMissing,
    ImageLibraryBusy,
    ImageUploadError,
)
from photon.images.library import ImageLibrary
from photon.images.limits import MIB, ImageLimits
from photon.images.progress import Phase
from photon.images.shelf import ShelfFile
from tests.images.builders import (
    RAW_BYTES,
    Opener,
    a_vmdk,
    an_ova,
    content_of,
    converted,
    files_under,
    in_chunks,
    qemu_img,
    with_footer,
)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda raw: raw.read_bytes(), id="raw"),
        pytest.param(lambda raw: converted(raw, "qcow2").read_bytes(), id="qcow2"),
        pytest.param(
            lambda raw: converted(raw, "qcow2", "-o", "compat=0.10").read_bytes(), id="qcow2-v2"
        ),
        pytest.param(lambda raw: converted(raw, "qcow2", "-c").read_bytes(), id="qcow2-compressed"),
        pytest.param(lambda raw: a_vmdk(raw).read_bytes(), id="vmdk-stream-optimised"),
        pytest.param(lambda raw: converted(raw, "vmdk").read_bytes(), id="vmdk-sparse"),
        pytest.param(lambda raw: with_footer(a_vmdk(raw).read_bytes()), id="vmdk-with-footer"),
        pytest.param(lambda raw: an_ova(a_vmdk(raw).read_bytes()), id="ova"),
    ],
)
async def test_every_type_comes_out_as_a_standalone_qcow2_with_the_same_content(
    library: ImageLibrary, raw: Path, content: bytes, root: Path, make: Callable[[Path], bytes]
) -> None:
    upload = make(raw)
    stored = await library.receive(in_chunks(upload), total_bytes=len(upload))
    path = library.path_of(stored.checksum)
    assert path == root / "by-checksum" / stored.checksum[:2] / f"{stored.checksum}.qcow2"
    assert files_under(root) == [path]
    assert stored.checksum == hashlib.sha256(path.read_bytes()).hexdigest()
    assert stored.file_size_bytes == path.stat().st_size
    assert stored.virtual_size_bytes == RAW_BYTES
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert content_of(path, raw.parent) == content


@pytest.mark.parametrize("options", [[], ["-c"]])
async def test_a_plain_qcow2_is_stored_byte_for_byte(
    library: ImageLibrary, raw: Path, options: list[str]
) -> None:
    upload = converted(raw, "qcow2", *options).read_bytes()
    stored = await library.receive(in_chunks(upload))
    assert library.path_of(stored.checksum).read_bytes() == upload


async def test_a_qcow2_with_snapshots_loses_them(
    library: ImageLibrary, raw: Path, content: bytes
) -> None:
    image = converted(raw, "qcow2")
    qemu_img("snapshot", "-c", "before", image)
    stored = await library.import_file(image)
    assert stored.checksum != hashlib.sha256(image.read_bytes()).hexdigest()
    assert content_of(library.path_of(stored.checksum), raw.parent) == content


async def test_the_settings_of_an_ova_are_told(library: ImageLibrary, raw: Path) -> None:
    stored = await library.receive(in_chunks(an_ova(a_vmdk(raw).read_bytes())))
    assert [(s.name, s.default_value) for s in stored.settings] == [
        ("scsi0.virtualDev", "lsilogic")
    ]


async def test_an_imported_file_is_left_as_it_is(
    library: ImageLibrary, raw: Path, content: bytes
) -> None:
    first = await library.import_file(raw)
    assert await library.import_file(raw) == first
    assert content_of(library.path_of(first.checksum), raw.parent) == content


async def test_the_same_content_twice_is_one_file(library: ImageLibrary, raw: Path) -> None:
    upload = converted(raw, "qcow2").read_bytes()
    first, second = await asyncio.gather(
        library.receive(in_chunks(upload)), library.receive(in_chunks(upload))
    )
    assert first == second == await library.receive(in_chunks(upload))
    assert [file.checksum for file in await library.list()] == [first.checksum]


async def test_a_deleted_file_is_gone_and_deleting_again_is_no_error(
    library: ImageLibrary, raw: Path, root: Path
) -> None:
    stored = await library.import_file(raw)
    [file] = await library.list()
    assert await library.delete(file)
    assert not await library.delete(file)
    with pytest.raises(ImageFileMissing):
        library.path_of(stored.checksum)
    assert files_under(root) == []


@pytest.mark.parametrize("checksum", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
async def test_only_a_checksum_names_a_file(library: ImageLibrary, checksum: str) -> None:
    with pytest.raises(ImageFileMissing):
        library.path_of(checksum)
    with pytest.raises(ImageFileMissing):
        await library.delete(ShelfFile(checksum, 1))


async def test_progress_goes_through_the_phases_and_never_back(
    library: ImageLibrary, raw: Path
) -> None:
    seen: list[tuple[Phase, int, int | None]] = []
    await library.import_file(raw, lambda done, total, phase: seen.append((phase, done, total)))
    order = list(Phase)
    places = [(order.index(phase), done) for phase, done, _ in seen]
    assert places == sorted(places)
    assert {phase for phase, _, _ in seen} == set(order)
    assert (Phase.RECEIVING, RAW_BYTES, RAW_BYTES) in seen
    assert (Phase.CONVERTING, RAW_BYTES, RAW_BYTES) in seen
    assert seen[-1][1] == seen[-1][2]


@pytest.mark.parametrize("fatal", list(Phase))
async def test_a_cancelled_upload_leaves_nothing_behind(
    library: ImageLibrary, raw: Path, root: Path, fatal: Phase
) -> None:
    upload = an_ova(a_vmdk(raw).read_bytes())
    task: asyncio.Task[object]

    def cancel(done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
        if phase is fatal:
            task.cancel()

    task = asyncio.create_task(library.receive(in_chunks(upload), cancel))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert files_under(root) == []
    assert await library.import_file(raw)


async def test_a_stream_that_breaks_leaves_nothing_behind(
    library: ImageLibrary, content: bytes, root: Path
) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield content[: 2 * MIB]
        raise ImageUploadError("the connection broke off")

    with pytest.raises(ImageUploadError, match="broke off"):
        await library.receive(breaking())
    assert files_under(root) == []


async def test_no_more_uploads_are_taken_than_the_bound(
    open_library: Opener, raw: Path, content: bytes
) -> None:
    library = await open_library(ImageLimits(free_bytes_min=0, uploads_max=1))
    started, go_on = asyncio.Event(), asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        started.set()
        await go_on.wait()
        yield content

    first = asyncio.create_task(library.receive(waiting()))
    await started.wait()
    with pytest.raises(ImageLibraryBusy):
        await library.import_file(raw)
    go_on.set()
    assert await first == await library.import_file(raw)


async def test_opening_deletes_what_a_dead_process_left(
    open_library: Opener, root: Path, raw: Path
) -> None:
    left = root / "tmp" / "dead" / "work"
    left.mkdir(parents=True)
    shutil.copy(raw, left / "upload")
    await open_library(ImageLimits())
    assert files_under(root) == []
    assert not left.parent.exists()


async def test_opening_leaves_the_work_of_living_processes_alone(
    open_library: Opener, content: bytes
) -> None:
    library = await open_library(ImageLimits(free_bytes_min=0))
    started, go_on = asyncio.Event(), asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield content[:MIB]
        started.set()
        await go_on.wait()
        yield content[MIB:]

    upload = asyncio.create_task(library.receive(waiting()))
    await started.wait()
    other = await open_library(ImageLimits(free_bytes_min=0))
    go_on.set()
    stored = await upload
    assert other.path_of(stored.checksum) == library.path_of(stored.checksum)


RECEIVE_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from photon.images.library import ImageLibrary
from photon.images.shelf import ShelfFile
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds

async def chunks():
    yield bytes(1024 * 1024 - 1) + b"x" + b"y" * 1024 * 1024
    yield b""
    print("received", flush=True)
    await asyncio.sleep(60)

async def main():
    library = ImageLibrary(Path(sys.argv[1]), TimeOrderedIds(RealClock()))
    await library.open()
    await library.receive(chunks())

asyncio.run(main())
"""


async def test_what_a_killed_process_was_receiving_is_deleted_at_the_next_start(
    open_library: Opener, root: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RECEIVE_FOR_EVER, root, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"received\n"
    assert files_under(root) != []
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    await open_library(ImageLimits())
    assert files_under(root) == []
