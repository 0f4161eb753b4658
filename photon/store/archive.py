"""A backup: one compressed file of JSON lines, which a store of either kind can be made from.

The first line says of what it is, the last how many lines there were and their checksum; a file
without it is a backup that was cut off.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from photon.store.errors import SchemaTooNew, SchemaTooOld, StoreNotOpened
from photon.store.migrate import HISTORY
from photon.store.protocol import Noun, Revision
from photon.store.snapshot import QUOTAS, ROWS_A_BATCH, QuotaItem, Row

FORMAT: Final = "photon-cloudstore-1"
LINE_BYTES_MAX: Final = 16 << 20  # The longest document has some hundred kilobytes.


class Head(msgspec.Struct, frozen=True):
    format: str
    schema: str
    revision: int
    made_ms: int


class Line(msgspec.Struct, frozen=True, array_like=True):
    """One row of noun `of`."""

    of: str
    id: str
    generation: int
    revision: int
    doc: msgspec.Raw


class QuotaLine(msgspec.Struct, frozen=True, array_like=True):
    owner_id: str
    key: str
    limit: float | None
    usage: float
    unit: str


class End(msgspec.Struct, frozen=True):
    lines: int
    sha256: str


class ArchiveDamaged(StoreNotOpened):
    """The file is no whole backup."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is not a whole backup: {why}. Nothing was written.")


class _File(Protocol):
    def write(self, some: bytes, /) -> int: ...


class ArchiveWriter:
    """`finish` makes it whole. Satisfies Loading."""

    def __init__(self, file: _File, head: Head) -> None:
        self._file = file
        self._encode = msgspec.json.Encoder().encode
        self._digest = hashlib.sha256()
        self._lines = 0
        self._put(head)

    async def rows(self, noun: Noun[Any], rows: Sequence[Row]) -> None:
        for row in rows:
            self._put(Line(noun.name, *row[:3], msgspec.Raw(row.doc)))

    async def quota(self, items: Sequence[QuotaItem]) -> None:
        for item in items:
            self._put([QUOTAS, QuotaLine(*item)])

    async def finish(self, revision: Revision) -> None:
        end = self._encode(End(self._lines, self._digest.hexdigest()))
        self._file.write(end + b"\n")

    def _put(self, line: Any) -> None:
        encoded = self._encode(line) + b"\n"
        assert len(encoded) < LINE_BYTES_MAX, "a document that a backup cannot be read with"
        self._digest.update(encoded)
        self._lines += 1
        self._file.write(encoded)


@contextmanager
def write_archive(path: Path, head: Head) -> Iterator[ArchiveWriter]:
    """The file appears under its name when it is whole."""
    partial = path.with_name(f"{path.name}.partial")
    try:
        with gzip.open(partial, "wb", compresslevel=3) as file:
            yield ArchiveWriter(file, head)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)


class ArchiveSnapshot:
    """Satisfies Snapshot. The whole file was checked when this is made."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.head, self._counts = _checked(path)
        self.schema, self.revision = self.head.schema, Revision(self.head.revision)
        if self.schema not in HISTORY.schemas:
            raise SchemaTooNew(self.schema, HISTORY.schemas[-1])
        if self.schema != HISTORY.schemas[-1]:
            raise SchemaTooOld(self.schema, HISTORY.schemas[-1])

    async def count(self, noun: Noun[Any]) -> int:
        return self._counts.get(noun.name, 0)

    async def rows(self, noun: Noun[Any]) -> AsyncIterator[Sequence[Row]]:
        for batch in _batches(_lines_of(self._path, noun.name)):
            lines = [msgspec.json.decode(line, type=Line) for line in batch]
            yield [Row(e.id, e.generation, e.revision, bytes(e.doc)) for e in lines]

    async def quota(self) -> AsyncIterator[Sequence[QuotaItem]]:
        kind = tuple[str, QuotaLine]
        for batch in _batches(_lines_of(self._path, QUOTAS)):
            items = [msgspec.json.decode(line, type=kind)[1] for line in batch]
            yield [QuotaItem(i.owner_id, i.key, i.limit, i.usage, i.unit) for i in items]


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(LINE_BYTES_MAX):
                yield line
    except (EOFError, gzip.BadGzipFile) as error:
        raise ArchiveDamaged(path, str(error)) from error


def _lines_of(path: Path, name: str) -> Iterator[bytes]:
    # Rows of one noun stand together, but the file is compressed: it is read from the beginning.
    start = f'["{name}",'.encode()
    return (line for line in _lines(path) if line.startswith(start))


def _batches(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for line in lines:
        batch.append(line)
        if len(batch) == ROWS_A_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _checked(path: Path) -> tuple[Head, dict[str, int]]:
    if not path.is_file():
        raise ArchiveDamaged(path, "there is no such file")
    digest, count, last = hashlib.sha256(), 0, b""
    head: Head | None = None
    counts: dict[str, int] = {}
    try:
        for line in _lines(path):
            if last:
                digest.update(last)
                count += 1
            if head is None:
                head = msgspec.json.decode(line, type=Head)
            else:
                name = line[2 : line.find(b'"', 2)].decode("ascii", "replace")
                counts[name] = counts.get(name, 0) + 1
            last = line
        end = msgspec.json.decode(last, type=End)
    except (msgspec.DecodeError, OSError) as error:
        raise ArchiveDamaged(path, f"it does not end as one ({error})") from error
    if head is None or head.format != FORMAT:
        raise ArchiveDamaged(path, "it is of no format that is known")
    if (end.lines, end.sha256) != (count, digest.hexdigest()):
        raise ArchiveDamaged(path, "its checksum is another")
    return head, counts
