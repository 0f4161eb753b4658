"""qcow2 files: reading a stranger's header, and making disks with qemu-img."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from photon.agent.drivers.qemu.commands import run

CONVERT_SECONDS = 1800.0  # A disk of hundreds of GiB at the speed of an old one.
_HEADER = struct.Struct(">4sIQIIQ")  # magic, version, backing offset and length, bits, size
_HEADER_BYTES = 80
_INCOMPATIBLE = struct.Struct(">Q")
_INCOMPATIBLE_AT = 72
_EXTERNAL_FILE_BIT = 1 << 2


class NotOurKind(ValueError):
    """The file is no qcow2 image, or one that would make QEMU read other files of the host."""


def virtual_size_bytes(path: Path) -> int:
    """The size of the disk that a self-contained qcow2 file holds.

    Raises:
        NotOurKind: it is no such file. A backing file or external file could be any file here.
    """
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if len(header) < _HEADER_BYTES:
        raise NotOurKind("The image is too short to be a qcow2 file.")
    magic, version, backing_offset, _, _, size = _HEADER.unpack_from(header)
    if magic != b"QFI\xfb" or version not in (2, 3):
        raise NotOurKind("The image is not a qcow2 file.")
    [incompatible] = _INCOMPATIBLE.unpack_from(header, _INCOMPATIBLE_AT) if version == 3 else (0,)
    if backing_offset != 0 or incompatible & _EXTERNAL_FILE_BIT:
        raise NotOurKind("The image needs another file; flatten it first.")
    return int(size)


async def make_empty(path: Path, capacity_gib: int) -> None:
    await run("qemu-img", "create", "-q", "-f", "qcow2", str(path), f"{capacity_gib}G")


async def make_child(path: Path, base: Path, size_bytes: int) -> None:
    """A copy-on-write child; it names its base from where it lies, so that both can move."""
    child = ("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2")
    await run(*child, "-b", _seen_from(path.parent, base), str(path), str(size_bytes))


async def flatten(path: Path, into: Path) -> None:
    """A copy that stands alone."""
    convert = ("qemu-img", "convert", "-f", "qcow2", "-O", "qcow2")
    await run(*convert, str(path), str(into), seconds=CONVERT_SECONDS)


def _seen_from(directory: Path, path: Path) -> str:
    return os.path.relpath(path, directory)
