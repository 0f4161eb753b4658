"""A qcow2's header, read before any program of others opens the file.

The format is QEMU's (docs/interop/qcow2.txt). What a header can make a program do that opens the
image (follow it to other files, ask for keys, make room for absurd tables) is refused here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from photon.images.errors import UnsupportedImageFileType

HEADER_BYTES_MAX = 64 * 1024  # The header of any image is its first cluster; ours ends far below.
EXTENSIONS_MAX = 32  # Five kinds exist.
CLUSTER_BITS = range(9, 22)  # 512 bytes to 2 MiB, as the format says.
L1_BYTES_MAX = 32 * 1024 * 1024  # QEMU's own bound.
SNAPSHOTS_MAX = 65536  # QEMU's own bound.

_V2 = struct.Struct(">4sIQIIQIIQQIIQ")
_V3 = struct.Struct(">QQQII")
_EXTENSION = struct.Struct(">II")

_DIRTY, _CORRUPT, _EXTERNAL_DATA, _COMPRESSION, _EXTENDED_L2 = (1 << bit for bit in range(5))
_KNOWN_INCOMPATIBLE = _DIRTY | _CORRUPT | _EXTERNAL_DATA | _COMPRESSION | _EXTENDED_L2
_EXTENSION_END = 0
_EXTENSION_FEATURE_NAMES = 0x6803F857
_EXTENSION_EXTERNAL_DATA = 0x44415441
_EXTENSION_ENCRYPTION = 0x0537BE77


@dataclass(frozen=True)
class Qcow2:
    """What the library needs to know of an acceptable qcow2."""

    virtual_bytes: int
    # Only what every QEMU of the last ten years reads, and nothing besides the disk's present
    # content: such a file is stored as it came.
    plain: bool


def inspect(head: bytes, *, virtual_bytes_max: int) -> Qcow2:
    """Reads the header in `head`, the file's first HEADER_BYTES_MAX bytes or all of it.

    Raises:
        UnsupportedImageFileType: malformed, larger than `virtual_bytes_max`, or not standalone.
    """
    if len(head) < _V2.size:
        raise _refused("is cut off within its header")
    fields = _V2.unpack_from(head)
    _, version, backing_offset, backing_bytes, cluster_bits, virtual_bytes = fields[:6]
    crypt_method, l1_entries, snapshots = fields[6], fields[7], fields[11]
    if version not in (2, 3):
        raise _refused(f"has version {version}; versions 2 and 3 are known")
    if backing_offset or backing_bytes:
        raise _refused("names a backing file, which is not part of the upload")
    if crypt_method:
        raise _refused("is encrypted")
    if cluster_bits not in CLUSTER_BITS:
        raise _refused(f"has clusters of 2^{cluster_bits} bytes; 2^9 to 2^21 are possible")
    if not 0 < virtual_bytes <= virtual_bytes_max:
        raise _refused(
            f"describes a disk of {virtual_bytes} bytes; 1 to {virtual_bytes_max} are taken"
        )
    if l1_entries * 8 > L1_BYTES_MAX or snapshots > SNAPSHOTS_MAX:
        raise _refused("has tables beyond what the format allows")
    plain = version == 3 and snapshots == 0 and virtual_bytes % 512 == 0
    if version == 2:
        return Qcow2(virtual_bytes, plain=plain & _extensions_are_plain(head, _V2.size))
    plain &= _features_are_plain(head)
    return Qcow2(virtual_bytes, plain=plain)


def _features_are_plain(head: bytes) -> bool:
    if len(head) < _V2.size + _V3.size:
        raise _refused("is cut off within its header")
    incompatible, compatible, autoclear, _, header_bytes = _V3.unpack_from(head, _V2.size)
    if incompatible & _EXTERNAL_DATA:
        raise _refused("keeps its data in an external file, which is not part of the upload")
    if incompatible & _CORRUPT:
        raise _refused("is marked as corrupt")
    if incompatible & _DIRTY:
        raise _refused("was not closed properly; repair it with qemu-img check -r all")
    if incompatible & ~_KNOWN_INCOMPATIBLE:
        raise _refused("uses features that are not known here")
    if header_bytes < _V2.size + _V3.size or header_bytes % 8 or header_bytes > len(head):
        raise _refused(f"has a header of {header_bytes} bytes, which is not possible")
    extensions_are_plain = _extensions_are_plain(head, header_bytes)
    return not (incompatible or compatible or autoclear) and extensions_are_plain


def _extensions_are_plain(head: bytes, offset: int) -> bool:
    """Walks the header extensions; True when none says anything of weight."""
    plain = True
    for _ in range(EXTENSIONS_MAX):
        if offset + _EXTENSION.size > len(head):
            raise _refused("is cut off within its header")
        kind, extension_bytes = _EXTENSION.unpack_from(head, offset)
        if kind == _EXTENSION_END:
            return plain
        if kind == _EXTENSION_EXTERNAL_DATA:
            raise _refused("names an external data file, which is not part of the upload")
        if kind == _EXTENSION_ENCRYPTION:
            raise _refused("is encrypted")
        plain &= kind == _EXTENSION_FEATURE_NAMES
        offset += _EXTENSION.size + (extension_bytes + 7 & ~7)
    raise _refused(f"has more than {EXTENSIONS_MAX} header extensions")


def _refused(reason: str) -> UnsupportedImageFileType:
    return UnsupportedImageFileType(f"the qcow2 {reason}")
