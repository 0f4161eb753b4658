"""The parts of an upload form as the multipart parser meets them: one short field, one file."""

from __future__ import annotations

import unicodedata
from collections import deque
from collections.abc import Callable
from enum import Enum, auto

from python_multipart.multipart import parse_options_header

from photon.domain.errors import PhotonError

REPLICATION_FIELD = "imagereplication"  # Go capitalises it, Ruby does not: compared in lower case.
FIELD_BYTES_MAX = 1024  # The one field we want is 9 bytes long.
PARTS_MAX = 8  # Two are wanted; a form of a browser may add a few.
OUTSIDE_BYTES_MAX = 64 * 1024  # Of all that is not the file: preamble, headers, fields, epilogue.
FILE_NAME_CHARS_MAX = 255  # What file systems and the image's name column take.


class _Part(Enum):
    FILE = auto()
    REPLICATION = auto()
    OTHER = auto()  # Fields that nobody asked for are read past, within the bounds.


class FormParts:
    """Collects what the parser's callbacks say; checks the order, the number and the sizes.

    `fault` makes the error of the form at hand from a reason.
    """

    def __init__(self, fault: Callable[[str], PhotonError]) -> None:
        self._fault = fault
        self._parts = 0
        self._part = _Part.OTHER
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._disposition = b""
        self._field = bytearray()
        self._outside_bytes = 0
        self.file_name: str | None = None  # Known from the moment that the file part begins.
        self.file_bytes = 0
        self.file_chunks: deque[bytes] = deque()  # At most what one chunk of the body held.
        self.replication: str | None = None
        self.complete = False

    def count_outside(self, outside_bytes: int) -> None:
        """Counts bytes that were not the file's: a form is not a place to keep a client busy."""
        self._outside_bytes += outside_bytes
        if self._outside_bytes > OUTSIDE_BYTES_MAX:
            raise self._fault(f"the form has over {OUTSIDE_BYTES_MAX} bytes around its file")

    def part_begin(self) -> None:
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise self._fault(f"the form has more than {PARTS_MAX} parts")
        self._disposition = b""
        self._field.clear()

    def header_field(self, chunk: bytes, start: int, end: int) -> None:
        self._header_name += chunk[start:end]

    def header_value(self, chunk: bytes, start: int, end: int) -> None:
        self._header_value += chunk[start:end]

    def header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def headers_finished(self) -> None:
        disposition, options = parse_options_header(self._disposition)
        if disposition != b"form-data":
            raise self._fault("a part of the form lacks the header Content-Disposition: form-data")
        name = options.get(b"name", b"").decode(errors="replace").lower()
        if b"filename" in options:
            self._begin_file(options[b"filename"])
        elif name == REPLICATION_FIELD:
            if self.replication is not None:
                raise self._fault("the field ImageReplication came twice")
            if self.file_name is not None:
                raise self._fault("the field ImageReplication did not come before the file part")
            self._part = _Part.REPLICATION
        else:
            self._part = _Part.OTHER

    def part_data(self, chunk: bytes, start: int, end: int) -> None:
        if self._part is _Part.FILE:
            self.file_bytes += end - start
            self.file_chunks.append(chunk[start:end])
            return
        if len(self._field) + end - start > FIELD_BYTES_MAX:
            raise self._fault(f"a field of the form is longer than {FIELD_BYTES_MAX} bytes")
        self._field += chunk[start:end]

    def part_end(self) -> None:
        if self._part is _Part.REPLICATION:
            self.replication = self._field.decode(errors="replace")
        self._part = _Part.OTHER

    def end(self) -> None:
        self.complete = True

    def _begin_file(self, raw_name: bytes) -> None:
        if self.file_name is not None:
            raise self._fault("the form has a second file; upload one file a request")
        self.file_name = self._clean(raw_name)
        self._part = _Part.FILE

    def _clean(self, raw_name: bytes) -> str:
        """The last component, without control, format and unassigned characters."""
        last = raw_name.decode(errors="replace").replace("\\", "/").rpartition("/")[2]
        name = "".join(c for c in last if not unicodedata.category(c).startswith("C")).strip()
        if name in ("", ".", ".."):
            raise self._fault("the file part has no file name")
        if len(name) > FILE_NAME_CHARS_MAX:
            raise self._fault(f"the file name is longer than {FILE_NAME_CHARS_MAX} characters")
        return name
