"""All that a store keeps, read in one snapshot, and written into an empty one, of either kind.

What is read: every noun's rows in id order, the quotas, and the newest revision. Not the change
feed: who followed it begins anew, and is told so.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Protocol

from photon.store.errors import StoreNotOpened
from photon.store.protocol import Noun, Revision

ROWS_A_BATCH: Final = 1_000  # About a megabyte.
# Added to a restored or copied store's revision. Agents refuse what is older than what they have
# seen, and may have seen all that was committed since the backup: at 10,000 commits a second this
# is four months of them. 2**53, which JSON can bear, has room for 90,000 restores.
REVISION_LEAP: Final = 100_000_000_000


class Row(NamedTuple):
    """One entity as it is kept. `doc` is its JSON, which has its generation too."""

    id: str
    generation: int
    revision: int
    doc: bytes


class QuotaItem(NamedTuple):
    """One key of one owner; amounts in base units."""

    owner_id: str
    key: str
    limit: float | None
    usage: float
    unit: str


class Snapshot(Protocol):
    """A store as it was at `revision`, whatever is committed meanwhile."""

    @property
    def schema(self) -> str: ...
    @property
    def revision(self) -> Revision: ...
    async def count(self, noun: Noun[Any]) -> int: ...
    def rows(self, noun: Noun[Any]) -> AsyncIterator[Sequence[Row]]: ...
    def quota(self) -> AsyncIterator[Sequence[QuotaItem]]: ...


class Loading(Protocol):
    """An empty store that is filled, whole or not at all: `finish` is its one COMMIT."""

    async def rows(self, noun: Noun[Any], rows: Sequence[Row]) -> None: ...
    async def quota(self, items: Sequence[QuotaItem]) -> None: ...
    async def finish(self, revision: Revision) -> None: ...


class StoreNotEmpty(StoreNotOpened):
    """What is to be filled has something in it already."""

    def __init__(self, where: str) -> None:
        super().__init__(
            f"{where} is not empty, and nothing in it was touched. Name a store that does not "
            "exist yet, or an empty database."
        )


@dataclass
class Digest:
    """Count and checksum of what passed, noun by noun; the same for the same rows in any store."""

    counts: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, rows: Sequence[Row] | Sequence[QuotaItem]) -> None:
        self.counts[name] = self.counts.get(name, 0) + len(rows)
        digest = self.sums.setdefault(name, hashlib.sha256())
        for row in rows:
            digest.update(repr(tuple(row)).encode())

    def told(self) -> dict[str, tuple[int, str]]:
        return {name: (self.counts[name], self.sums[name].hexdigest()) for name in self.counts}


QUOTAS: Final = "quotas"  # What the quotas are called beside the nouns.
Progress = Callable[[int], None]  # Told how many rows have just passed.


async def pour(
    source: Snapshot, nouns: Sequence[Noun[Any]], into: Loading | None, progress: Progress
) -> Digest:
    """Reads all of `source`, and writes it `into` the other, but for `finish`."""
    digest = Digest()
    for noun in nouns:
        digest.add(noun.name, ())
        async for rows in source.rows(noun):
            digest.add(noun.name, rows)
            if into is not None:
                await into.rows(noun, rows)
            progress(len(rows))
    digest.add(QUOTAS, ())
    async for items in source.quota():
        digest.add(QUOTAS, items)
        if into is not None:
            await into.quota(items)
        progress(len(items))
    return digest
