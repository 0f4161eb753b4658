"""A cpio archive in the `newc` form, which is what the kernel unpacks at boot."""

from __future__ import annotations

import gzip
import os
import stat
from pathlib import Path

_PADDING = 4


def pack(tree: Path) -> bytes:
    """The tree as a gzipped archive: all owned by root, all from the start of 1970."""
    parts = []
    for number, path in enumerate(sorted(tree.rglob("*")), start=1):
        parts.append(_entry(path, path.relative_to(tree).as_posix(), number))
    parts.append(_record("TRAILER!!!", mode=0, inode=0, content=b""))
    return gzip.compress(b"".join(parts), compresslevel=6, mtime=0)


def _entry(path: Path, name: str, inode: int) -> bytes:
    mode = path.lstat().st_mode
    content = b""
    if stat.S_ISLNK(mode):
        content = os.readlink(path).encode()
    elif stat.S_ISREG(mode):
        content = path.read_bytes()
    return _record(name, mode=mode, inode=inode, content=content)


def _record(name: str, *, mode: int, inode: int, content: bytes) -> bytes:
    encoded = name.encode() + b"\0"
    numbers = (inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % number for number in numbers) + encoded
    return _padded(header) + _padded(content)


def _padded(chunk: bytes) -> bytes:
    return chunk + b"\0" * (-len(chunk) % _PADDING)
