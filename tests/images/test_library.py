"""The library as a whole: what goes in, what comes out, and what is left when it does not."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from photon.domain.errors import PhotonError
from photon.images.errors import (
    ImageFileMissing,
    ImageLibraryBusy,
    ImageStoreFull,
    ImageToolFailed,
    ImageUploadError,
    InvalidOva,
    InvalidVmdkFormat,
    UnsupportedDiskController,
    UnsupportedImageFileType,
)
from photon.images.library import ImageLibrary
from photon.images.limits import MIB, TIB, ImageLimits
from photon.images.progress import Phase
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.images.builders import (
    NVME,
    RAW_BYTES,
    a_manifest,
    a_raw_disk,
    a_tar,
    a_vmdk,
    an_ovf,
    content_of,
    converted,
    in_chunks,
    qemu_img,
)
from tests.images.test_headers import with_footer

Opener = Callable[[ImageLimits], Awaitable[ImageLibrary]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
async def open_library(root: Path) -> AsyncIterator[Opener]:
    opened: list[ImageLibrary] = []

    async def open_one(limits: ImageLimits) -> ImageLibrary:
        opened.append(ImageLibrary(root, TimeOrderedIds(RealClock()), limits=limits))
        await opened[-1].open()
        return opened[-1]

    yield open_one
    for library in opened:
        await library.close()


@pytest.fixture
async def library(open_library: Opener) -> ImageLibrary:
    return await open_library(ImageLimits(free_bytes_min=0))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return a_raw_disk(tmp_path / "disk.raw")


@pytest.fixture
def content(raw: Path) -> bytes:
    return raw.read_bytes()


def files_under(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def an_ova(vmdk: bytes, *, good_manifest: bool = True) -> bytes:
    members = [("vm.ovf", an_ovf()), ("disk.vmdk", vmdk)]
    said = members if good_manifest else [members[0], ("disk.vmdk", vmdk + b"x")]
    return a_tar([members[0], ("vm.mf", a_manifest(said)), members[1]])


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


def a_qcow2_with_backing_file(raw: Path) -> bytes:
    child = raw.with_name("child.qcow2")
    qemu_img("create", "-f", "qcow2", "-b", raw, "-F", "raw", child)
    return child.read_bytes()


def a_qcow2_with_data_file(raw: Path) -> bytes:
    image = raw.with_name("ext.qcow2")
    data = raw.with_name("data.raw")
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={data},data_file_raw=on", image, "3M")
    return image.read_bytes()


def a_qcow2_with_broken_clusters(raw: Path) -> bytes:
    image = bytearray(converted(raw, "qcow2", "-c").read_bytes())
    image[0x50000:0x50100] = bytes(byte ^ 0x55 for byte in image[0x50000:0x50100])
    return bytes(image)


def a_qcow2_with_broken_tables(raw: Path) -> bytes:
    image = bytearray(converted(raw, "qcow2").read_bytes())
    l1_offset = int.from_bytes(image[40:48], "big")
    image[l1_offset : l1_offset + 8] = (0x7FFFFFFF0000).to_bytes(8, "big")
    return bytes(image)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2 // 512 * 512]


REFUSED: dict[str, tuple[Callable[[Path], bytes], type[PhotonError]]] = {
    "nothing": (lambda raw: b"", UnsupportedImageFileType),
    "text": (lambda raw: b"hello\n" * 100_000, UnsupportedImageFileType),
    "backing file": (a_qcow2_with_backing_file, UnsupportedImageFileType),
    "data file": (a_qcow2_with_data_file, UnsupportedImageFileType),
    "broken clusters": (a_qcow2_with_broken_clusters, UnsupportedImageFileType),
    "broken tables": (a_qcow2_with_broken_tables, UnsupportedImageFileType),
    "cut qcow2": (lambda raw: cut(converted(raw, "qcow2").read_bytes()), UnsupportedImageFileType),
    "cut vmdk": (lambda raw: cut(a_vmdk(raw).read_bytes()), InvalidVmdkFormat),
    "cut ova": (lambda raw: cut(an_ova(a_vmdk(raw).read_bytes())), InvalidOva),
    "ova of a cut vmdk": (lambda raw: an_ova(cut(a_vmdk(raw).read_bytes())), InvalidOva),
    "ova of a qcow2": (lambda raw: an_ova(converted(raw, "qcow2").read_bytes()), InvalidVmdkFormat),
    "wrong manifest": (
        lambda raw: an_ova(a_vmdk(raw).read_bytes(), good_manifest=False),
        InvalidOva,
    ),
    "tar with ../": (lambda raw: a_tar([("vm.ovf", an_ovf()), ("../x", b"")]), InvalidOva),
    "nvme": (lambda raw: a_tar([("vm.ovf", an_ovf(controller=NVME))]), UnsupportedDiskController),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_is_refused_leaves_nothing_behind(
    library: ImageLibrary, raw: Path, root: Path, case: str
) -> None:
    make, error = REFUSED[case]
    with pytest.raises(error):
        await library.receive(in_chunks(make(raw)))
    assert files_under(root) == []
    assert await library.list() == ()


@pytest.mark.parametrize("subformat", ["streamOptimized", "monolithicSparse"])
@pytest.mark.parametrize("share", range(1, 16))
async def test_a_cut_off_vmdk_is_refused_unless_it_lost_only_padding(
    library: ImageLibrary, raw: Path, content: bytes, share: int, subformat: str
) -> None:
    whole = converted(raw, "vmdk", "-o", f"subformat={subformat}").read_bytes()
    # QEMU fills the file up beyond the last grain that holds something, in multiples of a grain.
    grains = len(whole) // 65536
    try:
        stored = await library.receive(in_chunks(whole[: grains * share // 16 * 65536]))
    except (InvalidVmdkFormat, UnsupportedImageFileType):
        assert await library.list() == ()
    else:
        assert content_of(library.path_of(stored.checksum), raw.parent) == content


async def test_a_disk_that_unpacks_to_more_than_is_taken_is_refused(
    open_library: Opener, raw: Path, root: Path
) -> None:
    bomb = raw.with_name("bomb.raw")
    bomb.write_bytes(b"\x11" * 8 * MIB)
    upload = converted(bomb, "vmdk", "-o", "subformat=streamOptimized").read_bytes()
    library = await open_library(ImageLimits(free_bytes_min=0, file_bytes_max=MIB))
    assert len(upload) < MIB
    with pytest.raises(ImageUploadError, match="content"):
        await library.receive(in_chunks(upload))
    assert files_under(root) == []


async def test_an_upload_over_the_bound_is_refused_when_it_passes_it(
    open_library: Opener, root: Path
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield bytes(100_000)

    library = await open_library(ImageLimits(free_bytes_min=0, file_bytes_max=4 * MIB))
    with pytest.raises(ImageUploadError, match="larger than the 4194304 bytes"):
        await library.receive(endless())
    assert files_under(root) == []


async def test_an_upload_that_stops_coming_is_given_up(open_library: Opener, root: Path) -> None:
    async def stopping() -> AsyncIterator[bytes]:
        yield b"QFI"
        await asyncio.Event().wait()

    library = await open_library(ImageLimits(free_bytes_min=0, batch_seconds_max=0))
    with pytest.raises(ImageUploadError, match="too slowly"):
        await library.receive(stopping())
    assert files_under(root) == []


async def test_an_upload_without_room_is_refused(open_library: Opener, content: bytes) -> None:
    library = await open_library(ImageLimits(free_bytes_min=1 << 60))
    with pytest.raises(ImageStoreFull):
        await library.receive(in_chunks(content))


async def test_an_upload_that_cannot_fit_is_refused_before_it_is_received(
    library: ImageLibrary,
) -> None:
    chunks = in_chunks(b"first and second", chunk_bytes=5)
    with pytest.raises(ImageStoreFull):
        await library.receive(chunks, total_bytes=1 << 60)
    assert await anext(chunks) == b"first"


async def test_a_conversion_that_takes_too_long_is_ended(
    open_library: Opener, content: bytes
) -> None:
    library = await open_library(ImageLimits(free_bytes_min=0, tool_seconds_max=0))
    with pytest.raises(ImageToolFailed, match="longer than 0 seconds"):
        await library.receive(in_chunks(content))


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
    assert await library.delete(stored.checksum)
    assert not await library.delete(stored.checksum)
    with pytest.raises(ImageFileMissing):
        library.path_of(stored.checksum)
    assert files_under(root) == []


@pytest.mark.parametrize("checksum", ["", "../../etc/passwd", "A" * 64, "a" * 63, "a" * 64 + "\n"])
async def test_only_a_checksum_names_a_file(library: ImageLibrary, checksum: str) -> None:
    with pytest.raises(ImageFileMissing):
        library.path_of(checksum)
    with pytest.raises(ImageFileMissing):
        await library.delete(checksum)


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


async def test_a_virtual_size_over_the_bound_is_refused(library: ImageLibrary, raw: Path) -> None:
    huge = raw.with_name("huge.qcow2")
    qemu_img("create", "-f", "qcow2", huge, str(17 * TIB))
    with pytest.raises(UnsupportedImageFileType, match="are taken"):
        await library.import_file(huge)
