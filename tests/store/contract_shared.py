"""The contract of a store that several processes have open: one truth, one order, for all."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence
from typing import Protocol

import msgspec
import pytest

from photon.store.errors import AlreadyExists, InUse, QuotaExceeded, StaleGeneration, StoreConflict
from photon.store.protocol import (
    Change,
    Charge,
    CloudStore,
    Delete,
    Insert,
    Reap,
    Require,
    RequireNone,
    Revision,
    SetLimits,
    Update,
    Write,
)
from tests.store.things import PARTS, THINGS, Part, a_thing, count_of, inserted

STORES = 3
ROUNDS = 25  # Of races that one side or the other wins.


class SharedRig(Protocol):
    async def open_another(self) -> CloudStore:
        """One more store object upon the same store; the rig closes it."""
        ...


@pytest.fixture
async def stores(shared: SharedRig) -> list[CloudStore]:
    return [await shared.open_another() for _ in range(STORES)]


async def outcomes(*commits: tuple[CloudStore, Sequence[Write]]) -> list[int | BaseException]:
    return await asyncio.gather(
        *[store.commit(writes) for store, writes in commits], return_exceptions=True
    )


async def told(heard: list[Change], revision: int) -> None:
    while not heard or heard[-1].revision < revision:  # noqa: ASYNC110  # a listener is not awaited
        await asyncio.sleep(0.005)


class SharedContract:
    async def test_what_one_committed_all_others_read(self, stores: list[CloudStore]) -> None:
        for n, store in enumerate(stores):
            revision = await store.commit(inserted(f"t{n}"))
            for other in stores:
                assert await other.find(THINGS, f"t{n}") is not None
                assert await other.revision() == revision

    async def test_all_charge_one_quota_and_fill_it_exactly(self, stores: list[CloudStore]) -> None:
        await stores[0].commit([SetLimits("o1", (count_of("vm", 100),))])

        async def charge(n: int) -> int:
            writes: list[Write] = [*inserted(f"t{n}"), Charge("o1", (count_of("vm", 1),))]
            try:
                await stores[n % STORES].commit(writes)
            except QuotaExceeded:
                return 0
            return 1

        assert sum(await asyncio.gather(*map(charge, range(180)))) == 100
        assert [row.usage for row in await stores[1].quota("o1")] == [100]
        assert await stores[2].count(THINGS, {}) == 100

    async def test_of_all_that_read_the_same_row_one_writes(self, stores: list[CloudStore]) -> None:
        await stores[0].commit(inserted("t1"))

        async def add(store: CloudStore) -> None:
            while True:
                thing = await store.find(THINGS, "t1")
                assert thing is not None
                more = msgspec.structs.replace(thing, size=thing.size + 1)
                try:
                    await store.commit([Update(THINGS, more)])
                except StaleGeneration:
                    continue
                return

        await asyncio.gather(*[add(store) for store in stores for _ in range(5)])
        thing = await stores[0].find(THINGS, "t1")
        assert thing is not None
        assert (thing.size, thing.generation) == (15, 16)

    async def test_a_name_is_given_once(self, stores: list[CloudStore]) -> None:
        for n in range(ROUNDS):
            ends = await outcomes(
                *[(s, inserted(f"t{n}-{k}", parent="p", name=f"{n}")) for k, s in enumerate(stores)]
            )
            assert sum(isinstance(end, int) for end in ends) == 1
            assert sum(isinstance(end, AlreadyExists) for end in ends) == STORES - 1

    async def test_what_must_not_exist_does_not_come_at_the_same_moment(
        self, stores: list[CloudStore]
    ) -> None:
        """One removes a thing that nobody uses, another begins to use it."""
        won = {"remove": 0, "use": 0}
        for n in range(ROUNDS):
            id = f"t{n}"
            await stores[0].commit(inserted(id))
            remove: list[Write] = [RequireNone(PARTS, {"group": id}), Delete(THINGS, id)]
            use: list[Write] = [Require(THINGS, id), Insert(PARTS, Part(f"p{n}", id))]
            pair: list[tuple[CloudStore, Sequence[Write]]]
            pair = [(stores[1], remove), (stores[2], use)]
            removed, used = await outcomes(*(pair if n % 2 else reversed(pair)))
            if not n % 2:
                removed, used = used, removed
            assert isinstance(removed, int) != isinstance(used, int), (removed, used)
            won["remove" if isinstance(removed, int) else "use"] += 1
            if isinstance(removed, Exception):
                assert isinstance(removed, InUse)
        assert sum(won.values()) == ROUNDS

    async def test_a_row_is_reaped_with_the_last_user_wherever_that_is(
        self, stores: list[CloudStore]
    ) -> None:
        reap = Reap(THINGS, "t1", {"parent": "dying"}, ((PARTS, {"group": "t1"}),))
        ids = [f"p{n}" for n in range(30)]
        parts: list[Write] = [Insert(PARTS, Part(id, "t1")) for id in ids]
        await stores[0].commit([*inserted("t1", parent="dying"), *parts])
        last_uses: list[list[Write]] = [[Delete(PARTS, id), reap] for id in ids]
        ends = await outcomes(*[(stores[n % STORES], writes) for n, writes in enumerate(last_uses)])
        assert all(isinstance(end, int) for end in ends)
        assert await stores[0].find(THINGS, "t1") is None
        changes = await stores[0].changes(Revision(1), limit=100)
        assert [c for c in changes if c.noun == "things"] == [
            Change(Revision(31), "things", "t1", 0)
        ]

    async def test_every_listener_hears_everything_once_and_in_one_order(
        self, stores: list[CloudStore]
    ) -> None:
        start = await stores[0].revision()
        heard: list[list[Change]] = [[] for _ in stores]
        for store, changes in zip(stores, heard, strict=True):
            store.subscribe(changes.extend)

        async def write(n: int) -> None:
            mine = n % STORES
            try:
                revision = await stores[mine].commit(inserted(f"t{n % 250}", f"u{n}", f"v{n}"))
            except AlreadyExists:
                return
            # Before it returned: all up to it, whoever made it.
            assert heard[mine][-1].revision >= revision
            assert f"v{n}" in {change.id for change in heard[mine]}

        await asyncio.gather(*map(write, range(300)))
        last = await stores[0].revision()
        assert last == start + 250
        for changes in heard:
            await told(changes, last)
            assert [c.revision for c in changes] == [start + 1 + n // 3 for n in range(750)]
        assert all(changes == heard[0] for changes in heard)
        assert await stores[0].changes(start, limit=1_000) == heard[0]

    async def test_a_silent_store_hears_what_others_do(self, stores: list[CloudStore]) -> None:
        heard: list[Change] = []
        stores[0].subscribe(heard.extend)
        for n in range(10):
            revision = await stores[1].commit(inserted(f"t{n}"))
            await told(heard, revision)
        assert [change.id for change in heard] == [f"t{n}" for n in range(10)]

    async def test_pages_agree_with_their_revision_while_all_write(
        self, stores: list[CloudStore]
    ) -> None:
        done = asyncio.Event()

        async def write(n: int) -> None:
            for m in itertools.count():
                if done.is_set():
                    return
                await stores[n % STORES].commit([Insert(PARTS, Part(f"{n}-{m:04}", "g"))])

        writers = [asyncio.create_task(write(n)) for n in range(2 * STORES)]
        for n in range(40):
            page = await stores[n % STORES].page(PARTS, {}, limit=500)
            assert page.more or len(page.items) == page.revision, "each write-set inserts one row"
        done.set()
        await asyncio.gather(*writers)

    async def test_a_refusal_of_one_store_is_no_others_business(
        self, stores: list[CloudStore]
    ) -> None:
        async def write(n: int) -> bool:
            writes: list[Write] = [*inserted(f"t{n}")]
            if n % 4 == 0:
                writes.append(Delete(THINGS, "nobody"))
            try:
                await stores[n % STORES].commit(writes)
            except StoreConflict:
                return False
            return True

        ends = await asyncio.gather(*map(write, range(120)))
        assert [n for n, end in enumerate(ends) if not end] == [*range(0, 120, 4)]
        assert await stores[0].count(THINGS, {}) == 90

    async def test_fences_grow_as_commits_do(self, stores: list[CloudStore]) -> None:
        """Who commits after another has heard of its commit has the higher revision."""
        last = 0
        for n in range(60):
            revision = await stores[n % STORES].commit(
                [Insert(THINGS, a_thing(f"t{n}"))] if n % 2 else []
            )
            assert revision > last
            last = revision
