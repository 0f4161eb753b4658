"""The form that carries an image or an ISO: read as it arrives, never held.

An image form has the field `ImageReplication` first and one file part after it; an ISO form has the
file part alone. The file's name is the image's name: its last path component, without control
characters, as given otherwise, because images are named by their files and share names freely.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from photon.domain.image import ReplicationType
from photon.images.errors import ImageUploadError, IsoUploadError
from photon.images.form_parts import FormParts

BOUNDARY_BYTES_MAX = 70  # RFC 2046, section 5.1.1.
HEADERS_MAX = 8  # Clients send two a part.
HEADER_BYTES_MAX = 4096  # A name of 255 characters, escaped, and room to spare.


class UploadForm(StrEnum):
    IMAGE = "image"
    ISO = "iso"


@dataclass(frozen=True)
class Upload:
    """An upload whose file part has begun. `chunks` is read once, to its end.

    `chunks` raises the form's upload error when the stream breaks off before the form is complete.
    """

    file_name: str
    replication: ReplicationType | None  # None in an ISO form without the field.
    chunks: AsyncIterator[bytes]


class UploadParser:
    """Reads one form from the chunks of a request's body.

    Every fault of the form or the stream is `ImageUploadError`, or `IsoUploadError` in an ISO form.
    """

    def __init__(self, content_type: str, *, form: UploadForm = UploadForm.IMAGE) -> None:
        self._form = form
        self._parts = FormParts(self._fault)
        self._parser = MultipartParser(
            self._boundary(content_type),
            {
                "on_part_begin": self._parts.part_begin,
                "on_header_field": self._parts.header_field,
                "on_header_value": self._parts.header_value,
                "on_header_end": self._parts.header_end,
                "on_headers_finished": self._parts.headers_finished,
                "on_part_data": self._parts.part_data,
                "on_part_end": self._parts.part_end,
                "on_end": self._parts.end,
            },
            max_header_count=HEADERS_MAX,
            max_header_size=HEADER_BYTES_MAX,
        )

    async def parse(self, body: AsyncIterator[bytes]) -> Upload:
        """Reads up to the first bytes of the file. Called once."""
        while self._parts.file_name is None:
            if not await self._feed(body):
                raise self._fault("the form has no file part")
        return Upload(self._parts.file_name, self._replication(), self._chunks(body))

    async def _chunks(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        arrived = self._parts.file_chunks
        while True:
            while arrived:
                yield arrived.popleft()
            if not await self._feed(body):
                return

    async def _feed(self, body: AsyncIterator[bytes]) -> bool:
        """Parses the next chunk; False when the body is at its end and the form complete."""
        try:
            chunk = await anext(body)
        except StopAsyncIteration:
            if not self._parts.complete:
                raise self._fault("the stream ended before the form did") from None
            return False
        except OSError as error:
            raise self._fault("the connection broke off") from error
        file_bytes_before = self._parts.file_bytes
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise self._fault("the body is not well-formed multipart/form-data") from error
        self._parts.count_outside(len(chunk) - (self._parts.file_bytes - file_bytes_before))
        return True

    def _replication(self) -> ReplicationType | None:
        given = self._parts.replication
        if given is None:
            if self._form is UploadForm.ISO:
                return None
            raise self._fault("the field ImageReplication did not come before the file part")
        try:
            return ReplicationType(given.strip().upper())
        except ValueError:
            raise self._fault("the field ImageReplication is neither EAGER nor ON_DEMAND") from None

    def _boundary(self, content_type: str) -> bytes:
        try:
            media_type, options = parse_options_header(content_type)
        except UnicodeError:
            raise self._fault("the Content-Type has characters that a header may not") from None
        if media_type != b"multipart/form-data":
            raise self._fault("the Content-Type is not multipart/form-data")
        boundary = options.get(b"boundary", b"")
        if not 0 < len(boundary) <= BOUNDARY_BYTES_MAX or b"\r" in boundary or b"\n" in boundary:
            raise self._fault("the Content-Type lacks a boundary of 1 to 70 characters")
        return boundary

    def _fault(self, reason: str) -> ImageUploadError | IsoUploadError:
        if self._form is UploadForm.ISO:
            return IsoUploadError(reason)
        return ImageUploadError(reason)
