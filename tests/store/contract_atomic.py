"""The contract of write-sets: whole or not at all, whatever others do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import msgspec
import pytest

from photon.store.errors import (
    StaleGeneration,
    StoreBusy,
    StoreConflict,
)
from photon.store.protocol import (
    WRITE_SETS_QUEUED_MAX,
    Change,
    Charge,
    CloudStore,
    Delete,
    DropLimits,
    DropQuota,
    Insert,
    Reap,
    Require,
    RequireNone,
    SetLimits,
    Update,
    Write,
)
from tests.store.rig import WRITERS, Rig, everything
from tests.store.things import PARTS, THINGS, Part, a_thing, count_of, inserted

# Each fails, though what stands before it in its write-set would not.
REFUSED: dict[str, list[Write]] = {
    "insert-id": [*inserted("taken")],
    "insert-unique": [Insert(THINGS, a_thing("x", parent="p", name="n"))],
    "update-stale": [Update(THINGS, a_thing("taken", generation=7))],
    "update-where": [Update(THINGS, a_thing("taken", generation=1), {"parent": "no"})],
    "update-unique": [Update(THINGS, a_thing("other", parent="p", name="n", generation=1))],
    "delete-stale": [Delete(THINGS, "taken", 7)],
    "delete-gone": [Delete(THINGS, "nobody")],
    "require-gone": [Require(THINGS, "nobody")],
    "require-where": [Require(THINGS, "taken", {"parent": "no"})],
    "require-none": [RequireNone(THINGS, {"parent": "p"})],
    "charge": [Charge("o1", (count_of("free", 1), count_of("full", 1)))],
    "set-limits": [SetLimits("o1", (count_of("free", 1), count_of("full", 1)), replace=True)],
}
CHANGES: list[Write] = [
    Insert(THINGS, a_thing("t1")),
    Update(THINGS, a_thing("other", parent="p", name="m", size=5, generation=1)),
    Update(THINGS, a_thing("other", parent="q", name="m", size=6, generation=2)),
    Update(THINGS, a_thing("other", parent="p", name="m", size=6, generation=3)),
    Delete(PARTS, "p1"),
    Charge("o1", (count_of("free", 1), count_of("new", 1))),
    SetLimits("o1", (count_of("limited", 4),)),
    DropLimits("o1", ("limited",)),
    Reap(PARTS, "p2", {}, ()),
    DropQuota("o2"),
]


async def _prepare(store: CloudStore) -> None:
    await store.commit(
        [
            *inserted("taken", parent="p", name="n"),
            *inserted("other", parent="p", name="m"),
            Insert(PARTS, Part("p1", "t1")),
            Insert(PARTS, Part("p2", "t1")),
            SetLimits("o1", (count_of("full", 2),)),
            Charge("o1", (count_of("full", 2),)),
            Charge("o2", (count_of("some", 2),)),
        ]
    )


class AtomicContract:
    """A write-set happens whole or not at all, whatever others do."""

    @pytest.mark.parametrize("kind", REFUSED)
    async def test_a_refused_write_set_changes_nothing(self, rig: Rig, kind: str) -> None:
        await _prepare(rig.store)
        before = await everything(rig.store, ("o1", "o2"))
        heard: list[Sequence[Change]] = []
        rig.store.subscribe(heard.append)
        last = REFUSED[kind]
        if kind == "update-unique":
            last = [Update(THINGS, a_thing("other", parent="p", name="n", generation=4))]
        with pytest.raises(StoreConflict):
            await rig.store.commit([*CHANGES, *last])
        assert await everything(rig.store, ("o1", "o2")) == before
        assert heard == []
        assert await everything(await rig.reopen(), ("o1", "o2")) == before

    async def test_bad_write_sets_do_not_hurt_those_committed_with_them(self, rig: Rig) -> None:
        await _prepare(rig.store)
        kinds = list(REFUSED)

        async def one(n: int) -> StoreConflict | None:
            writes: list[Write] = [*inserted(f"t{n:03}"), Charge("o3", (count_of("vm", 1),))]
            if n % 3 == 0:
                writes += REFUSED[kinds[n // 3 % len(kinds)]]
            try:
                await rig.store.commit(writes)
            except StoreConflict as refused:
                return refused
            return None

        outcomes = await asyncio.gather(*map(one, range(WRITERS)))
        assert [n for n, outcome in enumerate(outcomes) if outcome] == [*range(0, WRITERS, 3)]
        kept = [n for n in range(WRITERS) if n % 3]
        found = await rig.store.find_many(THINGS, [f"t{n:03}" for n in range(WRITERS)])
        assert [thing.id for thing in found] == [f"t{n:03}" for n in kept]
        assert (await rig.store.quota("o3"))[0].usage == len(kept)

    async def test_what_no_store_can_keep_fails_alone(self, rig: Rig) -> None:
        bad = a_thing("bad", note="\ud800")  # half a character
        huge = a_thing("huge", size=2**70)
        results = await asyncio.gather(
            rig.store.commit(inserted("t1")),
            rig.store.commit([*inserted("t2"), Insert(THINGS, bad)]),
            rig.store.commit([*inserted("t3"), Insert(THINGS, huge)]),
            rig.store.commit(inserted("t4")),
            return_exceptions=True,
        )
        assert [isinstance(result, Exception) for result in results] == [False, True, True, False]
        page = await rig.store.page(THINGS, {}, limit=10)
        assert [thing.id for thing in page.items] == ["t1", "t4"]

    async def test_of_many_that_read_the_same_row_one_writes(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1"))

        async def add() -> int:
            tries = 0
            while True:
                tries += 1
                thing = await rig.store.find(THINGS, "t1")
                assert thing is not None
                more = msgspec.structs.replace(thing, size=thing.size + 1)
                try:
                    await rig.store.commit([Update(THINGS, more)])
                except StaleGeneration:
                    continue
                return tries

        tries = await asyncio.gather(*[add() for _ in range(20)])
        thing = await rig.store.find(THINGS, "t1")
        assert thing is not None
        assert (thing.size, thing.generation) == (20, 21)
        assert sum(tries) > 20, "they never met"

    async def test_a_cancelled_caller_leaves_its_write_set_whole_or_absent(self, rig: Rig) -> None:
        async def write(n: int) -> None:
            await rig.store.commit([*inserted(f"t{n:03}"), Charge("o1", (count_of("vm", 1),))])

        chance = random.Random(7)
        tasks = [asyncio.create_task(write(n)) for n in range(WRITERS)]
        for task in chance.sample(tasks, 50):
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await rig.reopen()
        done = {f"t{n:03}" for n, end in enumerate(ends) if end is None}
        kept = {thing.id for thing in (await rig.store.page(THINGS, {}, limit=500)).items}
        assert done <= kept
        assert (await rig.store.quota("o1"))[0].usage == len(kept)

    async def test_when_too_many_wait_others_are_refused_at_once(self, rig: Rig) -> None:
        surplus = 10
        waiting = [
            asyncio.create_task(rig.store.commit([]))
            for _ in range(WRITE_SETS_QUEUED_MAX + surplus)
        ]
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert sum(isinstance(end, StoreBusy) for end in ends) == surplus
        revisions = [end for end in ends if isinstance(end, int)]
        assert revisions == [*range(1, WRITE_SETS_QUEUED_MAX + 1)]

    async def test_close_finishes_what_waits(self, rig: Rig) -> None:
        waiting = [asyncio.create_task(rig.store.commit(inserted(f"t{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await rig.reopen()
        assert len(set(await asyncio.gather(*waiting))) == 50
        assert await rig.store.count(THINGS, {}) == 50
