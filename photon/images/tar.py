"""The table of contents of a tar, read by seeking: no member's content is held or written.

Written here and not taken from the standard library because that one holds whole extended headers
in memory, follows links and accepts what an OVA never has. An OVA is a flat ustar; sizes beyond
8 GiB come in base 256 (GNU) or in a pax header, so both are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from photon.images.errors import InvalidOva
from photon.images.span import Span

BLOCK_BYTES = 512
MEMBERS_MAX = 64  # An OVF, a manifest, a certificate, a disk, and a handful of oddments.
PAX_BYTES_MAX = 64 * 1024  # Names and sizes; times and owners of somebody's machine.
NAME_CHARS_MAX = 255  # The most that a ustar header can hold, and file systems too.

_REGULAR = (b"0", b"\0")
_PAX, _PAX_GLOBAL = b"x", b"g"
_OTHER_TYPES = {b"1": "a link", b"2": "a link", b"5": "a directory", b"L": "a name over the limit"}


@dataclass(frozen=True)
class Member:
    name: str
    span: Span


def read_members(file: BinaryIO, file_bytes: int) -> tuple[Member, ...]:
    """The regular files of the tar, in its order.

    Raises:
        InvalidOva: malformed or cut off, too many members, or one that is not a plain file with a
            plain name.
    """
    members: dict[str, Member] = {}
    pax: dict[str, str] = {}
    offset = 0
    for _ in range(2 * MEMBERS_MAX):  # each may have a pax header before it
        block = _read(file, offset, BLOCK_BYTES, file_bytes)
        if not block.strip(b"\0"):
            return tuple(members.values())
        _check_sum(block)
        kind = block[156:157]
        span = Span(offset + BLOCK_BYTES, _size(block, pax))
        if span.offset + span.bytes > file_bytes:
            raise InvalidOva("it is cut off within a member")
        if kind == _PAX:
            pax = _read_pax(file, span, file_bytes)
        elif kind in _REGULAR:
            name = _name(block, pax)
            if name in members:
                raise InvalidOva(f"it has two members named {name}")
            members[name] = Member(name, span)
            pax = {}
        elif kind != _PAX_GLOBAL:
            what = _OTHER_TYPES.get(kind, "a special file")
            raise InvalidOva(f"it has a member that is {what}; an OVA has plain files only")
        offset = span.offset + (span.bytes + BLOCK_BYTES - 1) // BLOCK_BYTES * BLOCK_BYTES
        if offset == file_bytes and members:
            return tuple(members.values())  # Some writers leave the closing blocks out.
    raise InvalidOva(f"it has more than {MEMBERS_MAX} members")


def _read(file: BinaryIO, offset: int, length: int, file_bytes: int) -> bytes:
    if offset + length > file_bytes:
        raise InvalidOva("it is cut off")
    file.seek(offset)
    found = file.read(length)
    if len(found) != length:
        raise InvalidOva("it is cut off")
    return found


def _check_sum(block: bytes) -> None:
    expected = _octal(block[148:156])
    if sum(block[:148]) + sum(block[156:]) + 8 * 0x20 != expected:
        raise InvalidOva("a header of it does not match its checksum")


def _size(block: bytes, pax: dict[str, str]) -> int:
    raw = block[124:136]
    # A pax header describes the member after it, never itself or another extended header.
    if "size" in pax and block[156:157] in _REGULAR:
        digits = pax["size"]
        if not digits.isascii() or not digits.isdigit() or len(digits) > 20:
            raise InvalidOva("a header of it has a size that is no number")
        return int(digits)
    if raw[0] == 0x80:
        return int.from_bytes(raw[1:], "big")
    return _octal(raw)


def _octal(raw: bytes) -> int:
    digits = raw.partition(b"\0")[0].strip(b" ")
    if not digits:
        return 0
    if digits.strip(b"01234567"):
        raise InvalidOva("a header of it has a number that is none")
    return int(digits, 8)


def _name(block: bytes, pax: dict[str, str]) -> str:
    if "path" in pax:
        name = pax["path"]
    else:
        name = block[:100].partition(b"\0")[0].decode(errors="replace")
        # Only POSIX's ustar has a prefix there; GNU's variant keeps times in the same place.
        if block[257:263] == b"ustar\0" and block[345]:
            prefix = block[345:500].partition(b"\0")[0].decode(errors="replace")
            name = f"{prefix}/{name}"
    name = name.removeprefix("./")
    if "/" in name or "\\" in name or name in ("", ".", "..") or not name.isprintable():
        raise InvalidOva("it has a member whose name is not a plain file name")
    if len(name) > NAME_CHARS_MAX:
        raise InvalidOva(f"it has a member whose name is longer than {NAME_CHARS_MAX} characters")
    return name


def _read_pax(file: BinaryIO, span: Span, file_bytes: int) -> dict[str, str]:
    """Records are "LENGTH KEY=VALUE\\n"; LENGTH counts the whole record."""
    if span.bytes > PAX_BYTES_MAX:
        raise InvalidOva(f"it has an extended header of more than {PAX_BYTES_MAX} bytes")
    raw = _read(file, span.offset, span.bytes, file_bytes)
    records: dict[str, str] = {}
    at = 0
    while at < len(raw):
        digits = raw[at : at + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        record = raw[at : at + length]
        key, equals, text = record[len(digits) + 1 :].partition(b"=")
        if len(record) != length or not equals or not record.endswith(b"\n"):
            raise InvalidOva("an extended header of it is malformed")
        records[key.decode(errors="replace")] = text[:-1].decode(errors="replace")
        at += length
    return records
