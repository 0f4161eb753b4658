"""What was written last is kept in memory, and is never anything else than what the file says."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from photon.outside.clock import RealClock
from photon.store import recent
from photon.store.durably import Done, InThread
from photon.store.errors import RequirementFailed, StaleGeneration, StoreUnavailable
from photon.store.protocol import Delete, Insert, Reap, Require, Update
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.store.things import NOUNS, PARTS, SECRETS, THINGS, Part, Thing, a_thing, inserted


class HeldDisk(InThread):
    """Keeps to itself that a COMMIT has returned, or fails it, when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Callable[[], None]] = []
        self.hold = self.fail = False
        self.returned = asyncio.Event()

    def commit(self, commit: Callable[[], None], done: Done) -> None:
        def work() -> None:
            if self.fail:
                raise sqlite3.OperationalError("disk I/O error")
            commit()

        def ended(error: BaseException | None) -> None:
            if self.hold:
                self.held.append(lambda: done(error))
                self.returned.set()
            else:
                done(error)

        super().commit(work, ended)


@pytest.fixture
def disk() -> HeldDisk:
    return HeldDisk()


@pytest.fixture
async def store(tmp_path: Path, disk: HeldDisk) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(str(tmp_path / "s.db"), NOUNS, RealClock(), SqliteOptions(durably=disk))
    yield store
    await store.close()


def in_file(tmp_path: Path, id: str) -> tuple[object, ...] | None:
    """The columns of a row, without any store."""
    file = sqlite3.connect(tmp_path / "s.db")
    try:
        found = "SELECT name, parent, size, heavy, generation, doc FROM things WHERE id = ?"
        row: tuple[object, ...] | None = file.execute(found, (id,)).fetchone()
        return row
    finally:
        file.close()


async def test_what_was_written_is_given_without_being_read(store: SqliteStore) -> None:
    await store.commit(inserted("t1"))
    assert await store.find(THINGS, "t1") is await store.find(THINGS, "t1")
    await store.commit([Update(THINGS, a_thing("t1", note="new", generation=1))])
    assert await store.find(THINGS, "t1") == a_thing("t1", note="new", generation=2)
    assert await store.find_many(THINGS, ["t0", "t1"]) == [a_thing("t1", note="new", generation=2)]


async def test_known_and_unknown_rows_come_in_the_order_that_was_asked(
    store: SqliteStore, tmp_path: Path
) -> None:
    await store.commit(inserted("t1", "t2", "t3"))
    await store.close()
    again = SqliteStore(str(tmp_path / "s.db"), NOUNS, RealClock(), SqliteOptions())
    await again.commit([Update(THINGS, a_thing("t2", generation=1))])
    found = await again.find_many(THINGS, ["t3", "t0", "t2", "t1"])
    assert [thing.id for thing in found] == ["t3", "t2", "t1"]
    await again.close()


@pytest.mark.parametrize(
    "end", [Delete(THINGS, "t1"), Reap(THINGS, "t1", {}, ((PARTS, {"group": "t1"}),))]
)
async def test_what_is_gone_is_not_found(store: SqliteStore, end: Delete | Reap) -> None:
    await store.commit(inserted("t1"))
    await store.commit([end])
    assert await store.find(THINGS, "t1") is None


async def test_a_refused_write_set_leaves_nothing_behind(store: SqliteStore) -> None:
    await store.commit(inserted("t1"))
    await asyncio.gather(
        store.commit(inserted("t2")),
        store.commit([Update(THINGS, a_thing("t1", note="no", generation=1)), *inserted("t2")]),
        return_exceptions=True,
    )
    assert await store.find(THINGS, "t1") == a_thing("t1", generation=1)


async def test_a_commit_that_failed_leaves_nothing_behind(
    store: SqliteStore, disk: HeldDisk
) -> None:
    await store.commit(inserted("t1"))
    disk.fail = True
    with pytest.raises(StoreUnavailable):
        await store.commit(
            [Update(THINGS, a_thing("t1", note="no", generation=1)), *inserted("t2")]
        )
    assert await store.find(THINGS, "t1") == a_thing("t1", generation=1)
    assert await store.find(THINGS, "t2") is None
    disk.fail = False


async def test_who_has_seen_a_commit_never_sees_an_older_row(
    store: SqliteStore, disk: HeldDisk
) -> None:
    """A COMMIT is seen by readers a moment before this process hears that it has returned."""
    await store.commit(inserted("t1"))
    disk.hold = True
    writing = asyncio.ensure_future(
        store.commit([Update(THINGS, a_thing("t1", note="new", generation=1))])
    )
    await disk.returned.wait()
    page = await store.page(THINGS, {}, limit=1)
    assert page.items[0].generation == 2
    assert (await store.find_many(THINGS, ["t1"]))[0].generation == 2
    found = await store.find(THINGS, "t1")
    assert found is not None
    assert found.generation == 2
    disk.hold = False
    disk.held.pop()()
    await writing


async def test_only_what_differs_is_written_and_the_columns_follow_the_document(
    store: SqliteStore, tmp_path: Path
) -> None:
    first = a_thing("t1", name="a", parent="p", size=1)
    await store.commit([Insert(THINGS, first)])
    await store.commit([Update(THINGS, a_thing("t1", name="a", parent="p", size=2, generation=1))])
    row = in_file(tmp_path, "t1")
    assert row is not None
    assert row[:5] == ("a", "p", 2, 0, 2)
    # In one group: a second change, and a row that goes and comes again.
    await asyncio.gather(
        store.commit([Update(THINGS, a_thing("t1", name="b", parent="p", generation=2))]),
        store.commit([Update(THINGS, a_thing("t1", name="b", parent="q", generation=3))]),
        store.commit([Delete(THINGS, "t1"), *inserted("t1", name="c", size=7)]),
        store.commit([Update(THINGS, a_thing("t1", name="c", heavy=True, generation=1))]),
    )
    row = in_file(tmp_path, "t1")
    assert row is not None
    assert row[:5] == ("c", None, 0, 1, 2)
    assert await store.find(THINGS, "t1") == a_thing("t1", name="c", heavy=True, generation=2)


async def test_an_update_of_what_changed_meanwhile_is_stale(store: SqliteStore) -> None:
    await store.commit(inserted("t1"))
    await store.commit([Update(THINGS, a_thing("t1", generation=1))])
    with pytest.raises(StaleGeneration):
        await store.commit([Update(THINGS, a_thing("t1", generation=1))])


async def test_a_requirement_is_asked_again_after_every_change_of_its_noun(
    store: SqliteStore,
) -> None:
    await store.commit(inserted("t1", "t2", name="n", parent=None))
    need = Require(THINGS, "t1", {"name": "n"})
    ends = await asyncio.gather(
        store.commit([need, Insert(PARTS, Part("p1", "t1"))]),
        store.commit([need, Insert(PARTS, Part("p2", "t1"))]),
        store.commit([Update(THINGS, a_thing("t1", name="m", generation=1))]),
        store.commit([need, Insert(PARTS, Part("p3", "t1"))]),
        store.commit([Delete(THINGS, "t2")]),
        store.commit([Require(THINGS, "t2"), Insert(PARTS, Part("p4", "t2"))]),
        return_exceptions=True,
    )
    assert [type(end) for end in ends] == [
        *(int, int, int, RequirementFailed, int, RequirementFailed)
    ]


async def test_a_requirement_does_not_rest_upon_what_was_taken_back(store: SqliteStore) -> None:
    await store.commit(inserted("t1"))
    ends = await asyncio.gather(
        # Taken back, after t2 was there for a moment and was required.
        store.commit([*inserted("t2"), Require(THINGS, "t2"), *inserted("t1")]),
        store.commit([Require(THINGS, "t2"), Insert(PARTS, Part("p1", "t2"))]),
        return_exceptions=True,
    )
    assert isinstance(ends[1], RequirementFailed)
    assert await store.find(PARTS, "p1") is None


def test_no_more_is_kept_than_may_be() -> None:
    rows = recent.RecentRows(NOUNS)
    for n in range(recent.RECENT_MAX + 5):
        rows.take({(THINGS, f"t{n}"): recent.Row(Thing(f"t{n}"), ())})
    kept = [n for n in range(recent.RECENT_MAX + 5) if rows.find(THINGS, f"t{n}") is not None]
    assert kept == list(range(5, recent.RECENT_MAX + 5))
    rows.take({(SECRETS, "s1"): recent.Row(Part("s1", "t1"), ())})
    assert rows.find(SECRETS, "s1") is None
