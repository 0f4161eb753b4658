"""A file on its way to the API as multipart/form-data (RFC 7578), a piece at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

PIECE_BYTES = 256 * 1024  # large enough that a system call costs nothing, small enough to forget
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class FileBody:
    """The form's one field, then the file. `progress` gets (bytes sent, bytes of the file)."""

    field: tuple[str, str]
    name: str
    file: BinaryIO
    size_bytes: int
    progress: Progress | None = None

    def head(self, boundary: str) -> bytes:
        field, value = self.field
        return (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{value}\r\n'
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
            f'filename="{_quoted(self.name)}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        ).encode()

    def tail(self, boundary: str) -> bytes:
        return f"\r\n--{boundary}--\r\n".encode()

    def headers(self, boundary: str) -> dict[str, str]:
        framing_bytes = len(self.head(boundary)) + len(self.tail(boundary))
        return {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(framing_bytes + self.size_bytes),
        }

    def pieces(self, boundary: str) -> Iterator[bytes]:
        """The whole body. What the file gained since it was measured is left out."""
        yield self.head(boundary)
        sent_bytes = 0
        while piece := self.file.read(min(PIECE_BYTES, self.size_bytes - sent_bytes)):
            yield piece
            sent_bytes += len(piece)
            if self.progress is not None:
                self.progress(sent_bytes, self.size_bytes)
        yield self.tail(boundary)


def file_size_bytes(file: BinaryIO) -> int:
    """The bytes from where `file` stands to its end; it must be seekable."""
    here = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(here)
    return end - here


def _quoted(name: str) -> str:
    """As browsers quote a file name: nothing in it can end the header."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
