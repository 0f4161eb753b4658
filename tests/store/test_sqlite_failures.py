"""A COMMIT that fails, a group whose time is up, a store that others have open."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from photon.outside.clock import RealClock
from photon.store.connections import MEMORY
from photon.store.durably import Done, Inline, InThread, T
from photon.store.errors import AlreadyExists, FeedTrimmed, StoreLocked, StoreUnavailable
from photon.store.feed import TRIM_STEP
from photon.store.protocol import Change, Charge, Revision, SetLimits
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.store.rig import everything
from tests.store.things import NOUNS, THINGS, count_of, inserted


@dataclass
class BrokenDisk:
    """Fails while `broken`; counts what it committed."""

    inner: InThread | Inline = field(default_factory=InThread)
    broken: bool = False
    commits: int = 0

    @property
    def inline(self) -> bool:
        return self.inner.inline

    def commit(self, commit: Callable[[], None], done: Done) -> None:
        self.inner.commit(self._fail if self.broken else commit, done)
        self.commits += not self.broken

    def _fail(self) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    async def read(self, read: Callable[[], T]) -> T:
        return await self.inner.read(read)

    def close(self) -> None:
        self.inner.close()


class SlowClock(RealClock):
    """A second passes whenever somebody looks."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        self._now += 1
        return self._now


async def test_a_failed_commit_fails_its_whole_group_and_changes_nothing(tmp_path: Path) -> None:
    disk = BrokenDisk()
    path = str(tmp_path / "store.db")
    store = SqliteStore(path, NOUNS, RealClock(), SqliteOptions(durably=disk))
    await store.commit([*inserted("t0"), SetLimits("o1", (count_of("vm", 5),))])
    before = await everything(store)
    heard: list[Sequence[Change]] = []
    store.subscribe(heard.append)
    disk.broken = True
    # Of the two t1 one would be refused, for a row that never came to be: it is not told so.
    ends = await asyncio.gather(
        store.commit(inserted("t1")),
        store.commit([*inserted("t1"), Charge("o1", (count_of("vm", 1),))]),
        store.commit([]),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [StoreUnavailable] * 3
    assert (await everything(store), heard) == (before, [])
    disk.broken = False
    assert await store.commit(inserted("t1")) == before[-1] + 1
    assert len(heard) == 1
    with pytest.raises(AlreadyExists):
        await store.commit(inserted("t1"))
    await store.close()


async def test_who_cannot_begin_is_told_and_can_try_again(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    store = SqliteStore(path, NOUNS, RealClock(), SqliteOptions())
    await asyncio.gather(store.commit(inserted("t-1")), store.commit(inserted("t0")))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # an operator at work in the file
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.commit(inserted("t1"))
    other.execute("ROLLBACK")
    assert await store.commit(inserted("t1")) == 3
    other.close()
    await store.close()


async def test_a_group_ends_when_its_time_is_up() -> None:
    disk = BrokenDisk(Inline())
    store = SqliteStore(MEMORY, NOUNS, SlowClock(), SqliteOptions(durably=disk))
    revisions = await asyncio.gather(*[store.commit([]) for _ in range(5)])
    assert (revisions, disk.commits) == ([1, 2, 3, 4, 5], 5)
    await store.close()


async def test_those_who_wait_together_share_a_commit() -> None:
    disk = BrokenDisk(Inline())
    store = SqliteStore(MEMORY, NOUNS, RealClock(), SqliteOptions(durably=disk))
    await asyncio.gather(*[store.commit([]) for _ in range(5)])
    assert disk.commits == 1
    await store.close()


async def test_a_group_of_refusals_alone_needs_no_commit() -> None:
    disk = BrokenDisk(Inline())
    store = SqliteStore(MEMORY, NOUNS, RealClock(), SqliteOptions(durably=disk))
    await store.commit(inserted("t1"))
    with pytest.raises(AlreadyExists):
        await store.commit(inserted("t1"))
    assert disk.commits == 1
    await store.close()


async def test_the_feed_is_trimmed_and_says_where_it_begins() -> None:
    kept = 10
    options = SqliteOptions(durably=Inline(), changes_kept=kept)
    store = SqliteStore(MEMORY, NOUNS, RealClock(), options)
    for n in range(3 * TRIM_STEP):
        await store.commit(inserted(f"t{n}"))
    with pytest.raises(FeedTrimmed) as raised:
        await store.changes(Revision(0), limit=1000)
    oldest = Revision(raised.value.oldest)
    changes = await store.changes(oldest, limit=1000)
    assert [change.revision for change in changes] == [*range(oldest + 1, 3 * TRIM_STEP + 1)]
    assert kept <= len(changes) < kept + TRIM_STEP
    with pytest.raises(FeedTrimmed):
        await store.changes(Revision(oldest - 1), limit=1000)
    await store.close()


async def test_a_store_is_opened_by_one_process_at_a_time(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    store = SqliteStore(path, NOUNS, RealClock(), SqliteOptions())
    with pytest.raises(StoreLocked, match=f"process {os.getpid()}"):
        SqliteStore(path, NOUNS, RealClock(), SqliteOptions())
    await store.close()
    again = SqliteStore(path, NOUNS, RealClock(), SqliteOptions())
    await again.close()


async def test_a_closed_store_refuses_writes_and_may_be_closed_again(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "store.db"), NOUNS, RealClock(), SqliteOptions())
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable):
        await store.commit([])


async def test_readers_never_see_what_is_not_durable(tmp_path: Path) -> None:
    """While COMMIT waits for the disk, a reader sees the store as it was."""
    disk = SlowDisk()
    path = str(tmp_path / "store.db")
    store = SqliteStore(path, NOUNS, RealClock(), SqliteOptions(durably=disk))
    writing = asyncio.create_task(store.commit(inserted("t1")))
    await disk.asked.wait()
    assert await store.find(THINGS, "t1") is None
    assert await store.revision() == 0
    disk.go_on()
    assert await writing == 1
    assert await store.find(THINGS, "t1") is not None
    await store.close()


class SlowDisk(Inline):
    """Commits when it is told to."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on: Callable[[], None] = lambda: None

    def commit(self, commit: Callable[[], None], done: Done) -> None:
        self.go_on = lambda: Inline.commit(self, commit, done)
        self.asked.set()


async def test_no_read_is_left_open_to_keep_the_log_growing(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    store = SqliteStore(path, NOUNS, RealClock(), SqliteOptions())
    await store.commit([*inserted("t1", "t2"), Charge("o1", (count_of("vm", 1),))])
    await store.find(THINGS, "t1")
    await store.find(THINGS, "nobody")
    await store.find_many(THINGS, ["t1", "t2"])
    await store.page(THINGS, {}, limit=1)
    await store.count(THINGS, {})
    await store.sum(THINGS, "size", "parent", {})
    await store.quota("o1")
    await store.changes(Revision(0), limit=1)
    await store.revision()
    await store.commit(inserted("t3"))
    other = sqlite3.connect(path)
    busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    other.close()
    assert not busy
    await store.close()
