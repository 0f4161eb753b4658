"""What a file is taken for, and what the headers of the formats are refused for."""

from __future__ import annotations

import io
import json
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.domain.errors import PhotonError
from photon.images import qcow2, vmdk
from photon.images.detect import HEAD_BYTES, ImageType, detect
from photon.images.errors import InvalidVmdkFormat, UnsupportedImageFileType
from photon.images.limits import GIB, MIB, TIB
from photon.images.span import Span
from tests.images.builders import a_raw_disk, a_tar, a_vmdk, converted, qemu_img, with_footer

QCOW2 = b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQ", 3, 0, 0, 16, GIB, 0, 1, 3 << 16, 1 << 16, 1, 0, 0)
QCOW2 += struct.pack(">QQQII", 0, 0, 0, 4, 104) + struct.pack(">II", 0, 0)


def head_with(*marks: tuple[int, bytes]) -> bytes:
    head = bytearray(HEAD_BYTES)
    for offset, mark in marks:
        head[offset : offset + len(mark)] = mark
    return bytes(head)


def inspect_vmdk(content: bytes) -> int:
    return vmdk.inspect(io.BytesIO(content), Span(0, len(content)), virtual_bytes_max=TIB)


def changed(content: bytes, offset: int, new: bytes) -> bytes:
    return content[:offset] + new + content[offset + len(new) :]


@pytest.fixture(scope="module")
def vmdk_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return a_vmdk(a_raw_disk(tmp_path_factory.mktemp("vmdk") / "disk.raw")).read_bytes()


@pytest.mark.parametrize(
    "head",
    [
        head_with((510, b"\x55\xaa")),
        head_with((510, b"\x55\xaa"), (512, b"EFI PART"), (544, struct.pack("<Q", 2047))),
        head_with((1080, b"\x53\xef"), (1028, struct.pack("<I", 1024))),
        head_with((0, b"XFSB" + struct.pack(">IQ", 4096, 256))),
        head_with((32769, b"CD001"), (32848, struct.pack("<I", 512))),
        head_with((65600, b"_BHRfS_M")),
        head_with((512, b"LABELONE")),
    ],
)
def test_a_raw_disk_is_known_by_its_boot_sector_table_or_file_system(head: bytes) -> None:
    assert detect(head, MIB) is ImageType.RAW


@pytest.mark.parametrize(
    "program", [["mke2fs", "-q", "-F"], ["mkfs.ext4", "-q", "-b", "4096"], ["mkswap"]]
)
def test_a_file_system_made_by_its_own_tool_is_a_raw_disk(
    program: list[str], tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    disk.write_bytes(bytes(8 * MIB))
    subprocess.run([*program, disk], check=True, capture_output=True)
    head = disk.read_bytes()[:HEAD_BYTES]
    if program == ["mkswap"]:
        with pytest.raises(UnsupportedImageFileType):
            detect(head, 8 * MIB)
    else:
        assert detect(head, 8 * MIB) is ImageType.RAW
        with pytest.raises(UnsupportedImageFileType, match="cut off"):
            detect(head, 4 * MIB)


@pytest.mark.parametrize(
    "head, file_bytes, reason",
    [
        (b"", 0, "empty"),
        (b"just some text\n" * 5000, 75_000, "no image format"),
        (bytes(HEAD_BYTES), MIB, "no image format"),
        (b"PK\x03\x04" + bytes(600), MIB, "ZIP"),
        (b"\x1f\x8b" + bytes(600), MIB, "gzip"),
        (b"\xfd7zXZ\x00" + bytes(600), MIB, "xz"),
        (b"vhdxfile" + bytes(600), MIB, "VHDX"),
        (head_with((510, b"\x55\xaa")), MIB + 1, "whole sectors"),
        (head_with((1080, b"\x53\xef"), (1028, struct.pack("<I", 1025))), MIB, "cut off"),
        (head_with((512, b"EFI PART"), (544, struct.pack("<Q", 2048))), MIB, "cut off"),
        (head_with((0, b"XFSB" + struct.pack(">IQ", 4096, 257))), MIB, "cut off"),
        (head_with((32769, b"CD001"), (32848, struct.pack("<I", 513))), MIB, "cut off"),
    ],
)
def test_what_is_no_image_is_refused_with_the_reason(
    head: bytes, file_bytes: int, reason: str
) -> None:
    with pytest.raises(UnsupportedImageFileType, match=reason):
        detect(head, file_bytes)


def test_an_iso_that_carries_a_partition_table_for_a_larger_medium_is_taken() -> None:
    gpt = (512, b"EFI PART"), (544, struct.pack("<Q", 1 << 30))
    iso = (32769, b"CD001"), (32848, struct.pack("<I", 512))
    assert detect(head_with(*gpt, *iso), MIB) is ImageType.RAW


def test_containers_are_known_by_their_first_bytes(vmdk_bytes: bytes) -> None:
    assert detect(QCOW2, MIB) is ImageType.QCOW2
    assert detect(vmdk_bytes[:HEAD_BYTES], len(vmdk_bytes)) is ImageType.VMDK
    assert detect(a_tar([("a.ovf", b"")])[:HEAD_BYTES], 10240) is ImageType.OVA


def test_a_vmdk_that_keeps_its_data_in_other_files_is_refused() -> None:
    with pytest.raises(InvalidVmdkFormat, match="other files"):
        detect(b"# Disk DescriptorFile\nversion=1\n", 500)


@given(head=st.binary(max_size=2000), file_bytes=st.integers(0, 1 << 40))
def test_detection_of_junk_is_a_type_or_a_refusal(head: bytes, file_bytes: int) -> None:
    try:
        detect(head, file_bytes)
    except PhotonError:
        return


def test_a_plain_qcow2_is_kept_as_it_is() -> None:
    found = qcow2.inspect(QCOW2, virtual_bytes_max=TIB)
    assert found == qcow2.Qcow2(virtual_bytes=GIB, plain=True)


@pytest.mark.parametrize(
    "offset, new, reason",
    [
        (4, struct.pack(">I", 1), "version 1"),
        (8, struct.pack(">Q", 4096), "backing file"),
        (16, struct.pack(">I", 7), "backing file"),
        (20, struct.pack(">I", 8), "clusters of"),
        (20, struct.pack(">I", 22), "clusters of"),
        (24, struct.pack(">Q", 0), "disk of 0 bytes"),
        (24, struct.pack(">Q", TIB + 1), "are taken"),
        (32, struct.pack(">I", 1), "encrypted"),
        (36, struct.pack(">I", 1 << 23), "tables beyond"),
        (60, struct.pack(">I", 1 << 20), "tables beyond"),
        (72, struct.pack(">Q", 1), "not closed properly"),
        (72, struct.pack(">Q", 2), "corrupt"),
        (72, struct.pack(">Q", 4), "external file"),
        (72, struct.pack(">Q", 32), "features that are not known"),
        (100, struct.pack(">I", 96), "header of 96"),
        (100, struct.pack(">I", 1 << 31), "header of"),
        (104, struct.pack(">I", 0x44415441), "external data file"),
        (104, struct.pack(">I", 0x0537BE77), "encrypted"),
        (104, struct.pack(">II", 1, 1 << 31), "cut off"),
    ],
)
def test_a_qcow2_header_is_refused_with_the_reason(offset: int, new: bytes, reason: str) -> None:
    with pytest.raises(UnsupportedImageFileType, match=reason):
        qcow2.inspect(changed(QCOW2, offset, new), virtual_bytes_max=TIB)


def test_a_qcow2_with_endless_extensions_is_refused() -> None:
    endless = QCOW2[:104] + struct.pack(">II", 1, 0) * 1000
    with pytest.raises(UnsupportedImageFileType, match="more than 32"):
        qcow2.inspect(endless, virtual_bytes_max=TIB)


@given(length=st.integers(0, len(QCOW2) - 1))
def test_a_cut_off_qcow2_header_is_refused(length: int) -> None:
    with pytest.raises(UnsupportedImageFileType, match=r"cut off|header of"):
        qcow2.inspect(QCOW2[:length], virtual_bytes_max=TIB)


@given(junk=st.binary(max_size=400), offset=st.integers(4, 112))
def test_a_damaged_qcow2_header_is_never_more_than_refused(junk: bytes, offset: int) -> None:
    try:
        qcow2.inspect(changed(QCOW2, offset, junk), virtual_bytes_max=TIB)
    except PhotonError:
        return


@pytest.mark.parametrize(
    "options, plain",
    [
        (["-o", "compat=1.1"], True),
        (["-o", "compat=0.10"], False),
        (["-o", "extended_l2=on"], False),
        (["-o", "compression_type=zstd"], False),
        (["-o", "lazy_refcounts=on"], False),
        (["-o", "cluster_size=2M"], True),
    ],
)
def test_qcow2_of_every_flavour_are_read(options: list[str], plain: bool, tmp_path: Path) -> None:
    image = tmp_path / "a.qcow2"
    qemu_img("create", "-f", "qcow2", *options, image, "10M")
    found = qcow2.inspect(image.read_bytes()[:HEAD_BYTES], virtual_bytes_max=TIB)
    assert found == qcow2.Qcow2(virtual_bytes=10 * MIB, plain=plain)


def test_a_qcow2_with_snapshots_is_not_kept_as_it_is(tmp_path: Path) -> None:
    image = tmp_path / "a.qcow2"
    qemu_img("create", "-f", "qcow2", image, "10M")
    qemu_img("snapshot", "-c", "before", image)
    found = qcow2.inspect(image.read_bytes()[:HEAD_BYTES], virtual_bytes_max=TIB)
    assert not found.plain


def test_a_stream_optimised_vmdk_is_taken(vmdk_bytes: bytes) -> None:
    assert inspect_vmdk(vmdk_bytes) == 3 * MIB


def test_a_sparse_vmdk_is_taken(tmp_path: Path) -> None:
    sparse = converted(a_raw_disk(tmp_path / "disk.raw"), "vmdk")
    assert inspect_vmdk(sparse.read_bytes()) == 3 * MIB


def test_a_vmdk_with_its_directory_at_the_end_is_taken_by_its_footer(vmdk_bytes: bytes) -> None:
    assert inspect_vmdk(with_footer(vmdk_bytes)) == 3 * MIB
    with pytest.raises(InvalidVmdkFormat, match="not where it should be"):
        inspect_vmdk(with_footer(vmdk_bytes)[:-512])


@pytest.mark.parametrize(
    "offset, new, reason",
    [
        (4, struct.pack("<I", 9), "version 9"),
        (12, struct.pack("<Q", 0), "0 sectors"),
        (12, struct.pack("<Q", 1 << 62), "are taken"),
        (20, struct.pack("<Q", 3), "grains or tables"),
        (20, struct.pack("<Q", 1 << 40), "grains or tables"),
        (28, struct.pack("<Q", 1 << 40), "beyond its own end"),
        (28, struct.pack("<Q", 0), "no descriptor"),
        (36, struct.pack("<Q", 1 << 40), "no descriptor"),
        (44, struct.pack("<I", 1 << 30), "grains or tables"),
        (56, b"\xff" * 8, "not where it should be"),
        (73, b"\n \n\n", "text mode"),
        (77, struct.pack("<H", 7), "compression"),
    ],
)
def test_a_vmdk_header_is_refused_with_the_reason(
    vmdk_bytes: bytes, offset: int, new: bytes, reason: str
) -> None:
    with pytest.raises(InvalidVmdkFormat, match=reason):
        inspect_vmdk(changed(vmdk_bytes, offset, new))


@pytest.mark.parametrize(
    "old, new, reason",
    [
        (b"parentCID=ffffffff", b"parentCID=00000001", "child"),
        (b'createType="stream', b'parentFileNameHint="/etc/passwd"\ncreateType="stream', "child"),
        (b"SPARSE", b"FLAT  ", "extents"),
        (b"RW 6144 SPARSE", b'RW 1 SPARSE "b"\nRW 6143 SPARSE', "extents"),
        (b"streamOptimized", b"vmfsSparse     ", "kind"),
    ],
)
def test_a_vmdk_descriptor_that_names_other_files_is_refused(
    vmdk_bytes: bytes, old: bytes, new: bytes, reason: str
) -> None:
    end = 512 * 21
    descriptor = vmdk_bytes[512:end].replace(old, new)[: end - 512]
    with pytest.raises(InvalidVmdkFormat, match=reason):
        inspect_vmdk(vmdk_bytes[:512] + descriptor + vmdk_bytes[end:])


def test_a_vmdk_with_a_second_descriptor_where_qemu_looks_is_refused(vmdk_bytes: bytes) -> None:
    """The header points at an innocent descriptor; the one at 512 names a parent."""
    sectors = len(vmdk_bytes) // 512
    innocent = vmdk_bytes[512 : 512 * 21]
    moved = changed(vmdk_bytes, 28, struct.pack("<QQ", sectors, 20)) + innocent
    guilty = changed(moved, 512, b'parentFileNameHint="/etc/passwd"\n\0')
    with pytest.raises(InvalidVmdkFormat, match="child"):
        inspect_vmdk(guilty)


def test_a_vmdk_of_broken_sectors_is_refused(vmdk_bytes: bytes) -> None:
    with pytest.raises(InvalidVmdkFormat, match="whole sectors"):
        inspect_vmdk(vmdk_bytes[:-1])


@given(junk=st.binary(max_size=300), offset=st.integers(4, 1500), cut=st.integers(0, 12_000))
def test_a_damaged_vmdk_is_never_more_than_refused(
    vmdk_bytes: bytes, junk: bytes, offset: int, cut: int
) -> None:
    damaged = changed(vmdk_bytes[: 12_288 - cut], offset, junk)
    try:
        inspect_vmdk(damaged)
    except PhotonError:
        return


def test_the_headers_agree_with_qemu(vmdk_bytes: bytes, tmp_path: Path) -> None:
    image = tmp_path / "disk.vmdk"
    image.write_bytes(with_footer(vmdk_bytes))
    said = subprocess.run(
        ["qemu-img", "info", "-f", "vmdk", "--output=json", image], check=True, capture_output=True
    )
    assert json.loads(said.stdout)["virtual-size"] == inspect_vmdk(image.read_bytes())
