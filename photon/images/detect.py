"""What a file is, decided by its content alone: names and media types are the uploader's word.

An image in a container format says so in its first bytes. A raw disk does not, so one is believed
only when it carries what firmware or a kernel would look for: a boot sector's signature, a GPT, or
the superblock of a known file system, whole sectors, and no superblock that promises more bytes
than there are. Text, archives, pictures and cut-off disks are refused by these rules.
"""

from __future__ import annotations

import struct
from enum import StrEnum

from photon.images.errors import InvalidVmdkFormat, UnsupportedImageFileType

HEAD_BYTES = 66 * 1024  # Reaches past the superblock that lies deepest: btrfs, at 64 KiB.
SECTOR_BYTES = 512


class ImageType(StrEnum):
    QCOW2 = "qcow2"
    VMDK = "vmdk"
    OVA = "ova"
    RAW = "raw"


_REFUSED_BY_MAGIC = (
    (b"\x1f\x8b", "it is compressed by gzip; decompress it first"),
    (b"BZh", "it is compressed by bzip2; decompress it first"),
    (b"\xfd7zXZ\x00", "it is compressed by xz; decompress it first"),
    (b"\x28\xb5\x2f\xfd", "it is compressed by zstd; decompress it first"),
    (b"PK\x03\x04", "it is a ZIP archive; extract the image first"),
    (b"7z\xbc\xaf\x27\x1c", "it is a 7-Zip archive; extract the image first"),
    (b"conectix", "it is a VHD disk; convert it to qcow2 first"),
    (b"vhdxfile", "it is a VHDX disk; convert it to qcow2 first"),
    (b"<<< ", "it is a VDI disk; convert it to qcow2 first"),
    (b"QED\x00", "it is a QED disk; convert it to qcow2 first"),
)

# Offset and bytes by which a raw disk or file system is known.
_RAW_MAGIC = (
    (510, b"\x55\xaa"),  # the boot sector of an MBR, FAT or NTFS
    (512, b"EFI PART"),  # GPT with sectors of 512 bytes
    (4096, b"EFI PART"),  # GPT with sectors of 4096 bytes
    (512, b"LABELONE"),  # a physical volume of LVM
    (1080, b"\x53\xef"),  # ext2, ext3, ext4
    (0, b"XFSB"),
    (0, b"hsqs"),  # squashfs
    (1024, b"\x10\x20\xf5\xf2"),  # f2fs
    (32769, b"CD001"),  # ISO 9660
    (65600, b"_BHRfS_M"),  # btrfs
)


def detect(head: bytes, file_bytes: int) -> ImageType:
    """The type of a file of `file_bytes` that begins with `head` (its first HEAD_BYTES).

    Raises:
        InvalidVmdkFormat: a VMDK of a kind that does not hold the disk in one file.
        UnsupportedImageFileType: anything else that is none of the four.
    """
    if file_bytes == 0:
        raise UnsupportedImageFileType("it is empty")
    if head.startswith(b"QFI\xfb"):
        return ImageType.QCOW2
    if head.startswith(b"KDMV"):
        return ImageType.VMDK
    if head.startswith(b"COWD"):
        raise InvalidVmdkFormat("it is a sparse disk of an ESX datastore")
    if head.startswith(b"# Disk DescriptorFile"):
        raise InvalidVmdkFormat("it is a descriptor only, and names the disk's data in other files")
    if head[257:262] == b"ustar":
        return ImageType.OVA
    for magic, reason in _REFUSED_BY_MAGIC:
        if head.startswith(magic):
            raise UnsupportedImageFileType(reason)
    _check_raw(head, file_bytes)
    return ImageType.RAW


def _check_raw(head: bytes, file_bytes: int) -> None:
    if not any(head.startswith(magic, offset) for offset, magic in _RAW_MAGIC):
        raise UnsupportedImageFileType(
            "its content is no image format, partition table or file system that is known here"
        )
    if file_bytes % SECTOR_BYTES:
        raise UnsupportedImageFileType(
            f"it looks like a raw disk but its {file_bytes} bytes are not whole sectors of 512"
        )
    promised_bytes = _promised_bytes(head)
    if promised_bytes > file_bytes:
        raise UnsupportedImageFileType(
            f"it is cut off: it describes {promised_bytes} bytes and has {file_bytes}"
        )


def _promised_bytes(head: bytes) -> int:
    """The size that the disk or file system claims; 0 where it makes no claim that can be trusted.

    An ISO may carry a partition table made for the larger medium it is written to, and a table in
    the old MBR style is often wrong about the last sectors; neither is held against a file.
    """
    if head.startswith(b"CD001", 32769):
        sectors: int = struct.unpack_from("<I", head, 32768 + 80)[0] if len(head) > 32852 else 0
        return sectors * 2048
    for sector_bytes in (512, 4096):
        if head.startswith(b"EFI PART", sector_bytes) and len(head) >= sector_bytes + 40:
            last: int = struct.unpack_from("<Q", head, sector_bytes + 32)[0]
            return (last + 1) * sector_bytes
    if head.startswith(b"XFSB") and len(head) >= 16:
        block_bytes, blocks = struct.unpack_from(">IQ", head, 4)
        return int(block_bytes) * int(blocks)
    if head.startswith(b"\x53\xef", 1080) and not head.startswith(b"\x55\xaa", 510):
        blocks, shift = struct.unpack_from("<I", head, 1028)[0], head[1048]
        return int(blocks) << (10 + min(shift, 6))
    return 0
