"""A VMDK that holds its whole disk in one file: the stream-optimised kind, or plain sparse.

The format is VMware's "Virtual Disk Format 5.0". A VMDK can name other files, as extents or as a
parent; such a one is refused before any program that would open them sees it.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from photon.images.errors import InvalidVmdkFormat
from photon.images.span import Span

SECTOR_BYTES = 512
DESCRIPTOR_SECTORS_MAX = 128  # 64 KiB; twenty sectors are usual, and text for one extent fits two.
GRAIN_SECTORS = tuple(1 << bit for bit in range(3, 12))  # 4 KiB to 1 MiB; 64 KiB is usual.
GRAIN_TABLE_ENTRIES_MAX = 512  # What the format says, and what readers make room for.

_HEADER = struct.Struct("<4sIIQQQQIQQQB4sH")  # 79 bytes, packed, little-endian.
_GRAIN_DIRECTORY_AT_END = (1 << 64) - 1
_NO_PARENT = "ffffffff"
# QEMU reads the descriptor of a sparse disk here, whatever the header says, so both are checked.
_QEMU_DESCRIPTOR = (SECTOR_BYTES, 20 * SECTOR_BYTES)
_EXTENT_ACCESS = ("RW", "RDONLY", "NOACCESS")
_KINDS = ("streamoptimized", "monolithicsparse")


def inspect(file: BinaryIO, span: Span, *, virtual_bytes_max: int) -> int:
    """The size in bytes of the disk that the VMDK at `span` of `file` describes.

    Raises:
        InvalidVmdkFormat: malformed, too large, or in need of other files.
    """
    if span.bytes % SECTOR_BYTES:
        raise InvalidVmdkFormat(f"its {span.bytes} bytes are not whole sectors; it may be cut off")
    header = _read(file, span, 0, SECTOR_BYTES)
    capacity_bytes, grain_directory = _check_header(header, virtual_bytes_max)
    if grain_directory == _GRAIN_DIRECTORY_AT_END:
        # The footer: a marker, the true header, and the end-of-stream marker, a sector each.
        footer = _read(file, span, span.bytes - 2 * SECTOR_BYTES, SECTOR_BYTES)
        footer_capacity_bytes, footer_directory = _check_header(footer, virtual_bytes_max)
        if footer_capacity_bytes != capacity_bytes or footer_directory == _GRAIN_DIRECTORY_AT_END:
            raise InvalidVmdkFormat("its header and footer contradict each other")
    sector, sectors = struct.unpack_from("<QQ", header, 28)
    if not sector or not 0 < sectors <= DESCRIPTOR_SECTORS_MAX:
        raise InvalidVmdkFormat("its header points at no descriptor")
    _check_descriptor(_read(file, span, sector * SECTOR_BYTES, sectors * SECTOR_BYTES))
    offset, length = _QEMU_DESCRIPTOR
    _check_references(_text(_read(file, span, offset, min(length, span.bytes - offset))))
    return capacity_bytes


def _read(file: BinaryIO, span: Span, offset: int, length: int) -> bytes:
    if offset < 0 or length < 0 or offset + length > span.bytes:
        raise InvalidVmdkFormat("it points beyond its own end; it may be cut off")
    file.seek(span.offset + offset)
    found = file.read(length)
    if len(found) != length:
        raise InvalidVmdkFormat("it is cut off")
    return found


def _check_header(sector: bytes, virtual_bytes_max: int) -> tuple[int, int]:
    """The capacity in bytes, and the sector of the grain directory."""
    fields = _HEADER.unpack_from(sector)
    magic, version, _, capacity_sectors, grain_sectors, _, _, table_entries = fields[:8]
    _, grain_directory, _, _, line_ends, compression = fields[8:]
    if magic != b"KDMV":
        raise InvalidVmdkFormat("its header or footer is not where it should be")
    if version not in (1, 2, 3):
        raise InvalidVmdkFormat(f"it has version {version}; versions 1 to 3 are known")
    if line_ends != b"\n \r\n":
        raise InvalidVmdkFormat("its line ends were changed, as by a transfer in text mode")
    if not 0 < capacity_sectors * SECTOR_BYTES <= virtual_bytes_max:
        raise InvalidVmdkFormat(
            f"it describes a disk of {capacity_sectors} sectors of 512 bytes; "
            f"1 to {virtual_bytes_max // SECTOR_BYTES} are taken"
        )
    if grain_sectors not in GRAIN_SECTORS or not 0 < table_entries <= GRAIN_TABLE_ENTRIES_MAX:
        raise InvalidVmdkFormat("the sizes of its grains or tables are not possible")
    if compression not in (0, 1):
        raise InvalidVmdkFormat("its compression is not known here")
    return capacity_sectors * SECTOR_BYTES, grain_directory


def _check_descriptor(raw: bytes) -> None:
    text = _text(raw)
    _check_references(text)
    kind = _settings(text).get("createtype", "")
    if kind.lower() not in _KINDS:
        raise InvalidVmdkFormat(f"it is of the kind {kind[:40]!r}, not one stream-optimised file")
    words = [line.upper().split(maxsplit=3) for line in text.splitlines()]
    extents = [line[2:3] for line in words if line and line[0] in _EXTENT_ACCESS]
    if extents != [["SPARSE"]]:
        raise InvalidVmdkFormat("it is spread over extents other than itself")


def _check_references(text: str) -> None:
    settings = _settings(text)
    parent = settings.get("parentcid", _NO_PARENT).lower()
    if parent != _NO_PARENT or "parentfilenamehint" in text.lower():
        raise InvalidVmdkFormat("it is the child of another disk, which is not part of the upload")


def _settings(text: str) -> dict[str, str]:
    assignments = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip().lower(): value.strip(' \t"') for key, _, value in assignments}


def _text(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("latin-1")
