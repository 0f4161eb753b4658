"""A store by its name, for reading or for filling: a path is SQLite's, a URL PostgreSQL's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from photon.store.archive import ArchiveSnapshot
from photon.store.checking_feed import LiveSnapshot
from photon.store.nouns import NOUNS
from photon.store.opening import is_shared
from photon.store.postgres.amcheck import EngineWord, amchecked
from photon.store.postgres.connections import without_password
from photon.store.postgres.snapshot import load_postgres, read_postgres
from photon.store.protocol import Revision
from photon.store.snapshot import REVISION_LEAP, Digest, Loading, Progress, Snapshot, pour
from photon.store.snapshot_sqlite import load_sqlite, read_sqlite


class CopyDiffers(Exception):
    """What was written is not what was read."""


@asynccontextmanager
async def reading(store: str, *, alone: bool = False) -> AsyncIterator[LiveSnapshot]:
    """A snapshot of it, while controllers go on, or, with `alone`, while none has it open."""
    if is_shared(store):
        async with read_postgres(store, alone=alone) as snapshot:
            yield snapshot
    else:
        with read_sqlite(store, alone=alone) as snapshot:
            yield snapshot


async def engine_of(store: str) -> EngineWord:
    """What the engine below a store says of its own files."""
    if is_shared(store):
        return await amchecked(store)
    with read_sqlite(store, alone=False) as snapshot:
        return EngineWord(snapshot.damages())


@asynccontextmanager
async def filling(store: str) -> AsyncIterator[Loading]:
    """Raises StoreNotEmpty when something was ever committed in it."""
    if is_shared(store):
        async with load_postgres(store, NOUNS) as loading:
            yield loading
    else:
        Path(store).parent.mkdir(parents=True, exist_ok=True)
        with load_sqlite(store, NOUNS) as loading:
            yield loading


async def fill(source: Snapshot, store: str, progress: Progress) -> tuple[Digest, Revision]:
    """Fills an empty store, whole or not at all, and looks whether it holds what was read.

    Its revision is REVISION_LEAP above the source's.

    Raises:
        CopyDiffers: it does not. The store must not be used.
    """
    revision = Revision(source.revision + REVISION_LEAP)
    async with filling(store) as loading:
        read = await pour(source, NOUNS, loading, progress)
        await loading.finish(revision)
    async with reading(store) as written:
        found = await pour(written, NOUNS, None, progress)
        newest = written.revision
    for name, of in read.told().items():
        if found.told()[name] != of:
            raise CopyDiffers(f"{name}: {of[0]} rows were read, and {found.counts[name]} differ.")
    if newest != revision:
        raise CopyDiffers(f"its revision is {newest}, and should be {revision}.")
    return read, revision


def archive(path: Path) -> ArchiveSnapshot:
    return ArchiveSnapshot(path)


def shown(store: str) -> str:
    """The name of a store, as people may see it."""
    return without_password(store)
