"""What the library refuses, and that nothing of it stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from photon.domain.errors import PhotonError
from photon.images.errors import (
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
from photon.images.qemu_img import QemuImg
from tests.images.builders import (
    NVME,
    Opener,
    a_tar,
    a_vmdk,
    an_ova,
    an_ovf,
    content_of,
    converted,
    files_under,
    in_chunks,
    qemu_img,
)


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


async def test_a_virtual_size_over_the_bound_is_refused(library: ImageLibrary, raw: Path) -> None:
    huge = raw.with_name("huge.qcow2")
    qemu_img("create", "-f", "qcow2", huge, str(17 * TIB))
    with pytest.raises(UnsupportedImageFileType, match="are taken"):
        await library.import_file(huge)


def test_a_machine_without_the_programs_says_which_are_missing(tmp_path: Path) -> None:
    with pytest.raises(ImageToolFailed, match="lacks nice and setpriv and prlimit and qemu-img"):
        QemuImg(seconds_max=1, search_path=str(tmp_path)).require()
