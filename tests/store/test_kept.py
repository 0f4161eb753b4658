"""What is kept is never older than the last change that this process could hear of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec
import pytest
import pytest_asyncio

from photon.domain.project import Project
from photon.outside.clock import RealClock
from photon.store.durably import Inline
from photon.store.kept import KEPT_MAX, KeptReads
from photon.store.nouns import NOUNS, PROJECTS
from photon.store.protocol import Delete, Entity, Insert, Noun, Update
from photon.store.sqlite import SqliteOptions, SqliteStore

E = TypeVar("E", bound=Entity)
ONE = Project("p-1", "t-1", "one")


@pytest_asyncio.fixture
async def store() -> AsyncIterator[SqliteStore]:
    store = SqliteStore(":memory:", NOUNS, RealClock(), SqliteOptions(durably=Inline()))
    yield store
    await store.close()


@pytest.fixture
def reads(store: SqliteStore) -> KeptReads:
    return KeptReads(store, (PROJECTS,))


async def test_a_change_is_seen_by_the_next_read(store: SqliteStore, reads: KeptReads) -> None:
    await store.commit([Insert(PROJECTS, ONE)])
    found = await reads.find(PROJECTS, "p-1")
    assert found is not None
    renamed = msgspec.structs.replace(found, name="two")
    await store.commit([Update(PROJECTS, renamed)])
    again = await reads.find(PROJECTS, "p-1")
    assert again is not None
    assert again.name == "two"
    assert await reads.first(PROJECTS, {"tenant_id": "t-1", "name": "one"}) is None


async def test_what_was_not_there_is_looked_for_again(store: SqliteStore, reads: KeptReads) -> None:
    where = {"tenant_id": "t-1", "name": "one"}
    assert await reads.first(PROJECTS, where) is None
    await store.commit([Insert(PROJECTS, ONE)])
    assert await reads.first(PROJECTS, where) is not None


async def test_what_is_deleted_is_gone(store: SqliteStore, reads: KeptReads) -> None:
    await store.commit([Insert(PROJECTS, ONE)])
    assert await reads.find(PROJECTS, "p-1") is not None
    await store.commit([Delete(PROJECTS, "p-1")])
    assert await reads.find(PROJECTS, "p-1") is None


async def test_the_same_object_is_given_until_something_changes(
    store: SqliteStore, reads: KeptReads
) -> None:
    where = {"tenant_id": "t-1"}
    await store.commit([Insert(PROJECTS, ONE)])
    assert await reads.first(PROJECTS, where) is await reads.first(PROJECTS, where)
    first = await reads.first(PROJECTS, where)
    reads.forget()
    assert await reads.first(PROJECTS, where) is not first


class SlowStore(SqliteStore):
    """A store whose reads are overtaken by a change, as they may be over a network."""

    async def find(self, noun: Noun[E], id: str) -> E | None:
        old = await super().find(noun, id)
        if isinstance(old, Project) and old.name == "one":
            await self.commit([Update(PROJECTS, msgspec.structs.replace(old, name="two"))])
        return old


async def test_a_change_during_the_read_is_not_hidden_by_it() -> None:
    store = SlowStore(":memory:", NOUNS, RealClock(), SqliteOptions(durably=Inline()))
    reads = KeptReads(store, (PROJECTS,))
    await store.commit([Insert(PROJECTS, ONE)])
    await reads.find(PROJECTS, "p-1")
    found = await reads.find(PROJECTS, "p-1")
    assert found is not None
    assert found.name == "two"
    await store.close()


async def test_more_than_may_be_kept_begins_anew(store: SqliteStore, reads: KeptReads) -> None:
    many = [Project(f"p-{n:05d}", "t-1", f"name-{n}") for n in range(KEPT_MAX + 1)]
    for start in range(0, len(many), 500):
        await store.commit([Insert(PROJECTS, one) for one in many[start : start + 500]])
    for one in many:
        assert await reads.find(PROJECTS, one.id) is not None
    first = await reads.find(PROJECTS, many[0].id)
    assert first == msgspec.structs.replace(many[0], generation=1)
