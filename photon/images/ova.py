"""An OVA: a flat tar of an OVF, one disk, and perhaps a manifest with their checksums.

The disk is not taken out of it: its place in the file is enough to check and to convert it.
A certificate, and files that are no disk (a BIOS's memory, a licence), are left aside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO

from photon.domain.image import ImageSetting
from photon.images.errors import InvalidOva
from photon.images.ovf import read_ovf
from photon.images.span import Span
from photon.images.tar import Member, read_members

OVF_BYTES_MAX = 1024 * 1024  # Real ones are some tens of KiB.
MANIFEST_BYTES_MAX = 64 * 1024  # A line is some 150 bytes, and there are at most 64 members.

_DIGEST_CHARS = {"sha1": 40, "sha256": 64, "sha512": 128}
_MANIFEST_LINE = re.compile(r"(SHA1|SHA256|SHA512) ?\((.{1,255})\) ?= ?([0-9a-fA-F]{40,128})")


@dataclass(frozen=True)
class Digest:
    """What the manifest says of one member. Hashing many GiB is the library's to schedule."""

    name: str
    span: Span
    algorithm: str  # as hashlib calls it
    hex_digest: str


@dataclass(frozen=True)
class Ova:
    disk: Span
    settings: tuple[ImageSetting, ...]
    digests: tuple[Digest, ...]  # empty without a manifest


def read_ova(file: BinaryIO, file_bytes: int) -> Ova:
    """Finds the disk, the settings and the checksums; reads neither the disk nor other members.

    Raises:
        InvalidOva: malformed, or not one machine with one disk.
        UnsupportedDiskController: the disk's controller is none that hosts offer.
    """
    members = read_members(file, file_bytes)
    if not members or not members[0].name.lower().endswith(".ovf"):
        raise InvalidOva("its first member is not an OVF")
    if sum(member.name.lower().endswith(".ovf") for member in members) != 1:
        raise InvalidOva("it has more than one OVF")
    ovf = read_ovf(_content(file, members[0], OVF_BYTES_MAX))
    disk = next((member for member in members if member.name == ovf.disk_file), None)
    if disk is None:
        raise InvalidOva("it lacks the disk that its OVF names")
    return Ova(disk.span, ovf.settings, _digests(file, members, disk.name))


def _digests(file: BinaryIO, members: tuple[Member, ...], disk_name: str) -> tuple[Digest, ...]:
    """A manifest has a line for each file; one that leaves out what we use proves nothing."""
    manifests = [member for member in members if member.name.lower().endswith(".mf")]
    if not manifests:
        return ()
    if len(manifests) > 1:
        raise InvalidOva("it has more than one manifest")
    text = _content(file, manifests[0], MANIFEST_BYTES_MAX).decode(errors="replace")
    spans = {member.name: member.span for member in members}
    digests = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        match = _MANIFEST_LINE.fullmatch(line)
        if match is None or match[2] not in spans or match[2] in digests:
            raise InvalidOva("its manifest has a line that is malformed or of no member")
        algorithm, name, hex_digest = match[1].lower(), match[2], match[3].lower()
        if len(hex_digest) != _DIGEST_CHARS[algorithm]:
            raise InvalidOva("its manifest has a checksum of the wrong length")
        digests[name] = Digest(name, spans[name], algorithm, hex_digest)
    if members[0].name not in digests or disk_name not in digests:
        raise InvalidOva("its manifest leaves out the OVF or the disk")
    return tuple(digests.values())


def _content(file: BinaryIO, member: Member, bytes_max: int) -> bytes:
    if member.span.bytes > bytes_max:
        raise InvalidOva(f"its member {member.name} is larger than {bytes_max} bytes")
    file.seek(member.span.offset)
    return file.read(member.span.bytes)
