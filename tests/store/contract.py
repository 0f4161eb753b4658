"""What every CloudStore must do: one suite, run against each implementation.

An implementation's own test file makes a `Rig` in a fixture called `rig` (a fresh store that keeps
`things.NOUNS`), and subclasses the classes of `contract*.py`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import pytest

from photon.domain.quota import Amount, QuotaUnit
from photon.store.errors import (
    AlreadyExists,
    InUse,
    QuotaExceeded,
    RequirementFailed,
    StaleGeneration,
    StoreConflict,
)
from photon.store.protocol import (
    IN_USE_COUNT_MAX,
    Change,
    Charge,
    CloudStore,
    Delete,
    DropLimits,
    DropQuota,
    Insert,
    QuotaRow,
    Reap,
    Require,
    RequireNone,
    Revision,
    SetLimits,
    Update,
    Where,
    Write,
)
from tests.store.things import PARTS, SECRETS, THINGS, Part, a_thing, count_of, inserted

WRITERS = 200  # At once: several groups, and many in each.


class Rig(Protocol):
    """A store under test, and how to open it anew."""

    store: CloudStore

    async def reopen(self) -> CloudStore:
        """Closes the store and opens what it kept. Becomes `self.store`."""
        ...


async def everything(store: CloudStore, owners: Sequence[str] = ("o1",)) -> Any:
    """All that a reader can see."""
    return (
        (await store.page(THINGS, {}, limit=500)).items,
        (await store.page(PARTS, {}, limit=500)).items,
        [await store.quota(owner) for owner in owners],
        await store.revision(),
    )


class RowContract:
    """Rows, generations and conditions."""

    async def test_a_stored_entity_is_found_at_generation_1(self, rig: Rig) -> None:
        thing = a_thing("t1", name="a", parent="p", size=7, heavy=True, note="ünï\u0000code")
        await rig.store.commit([Insert(THINGS, thing)])
        assert await rig.store.find(THINGS, "t1") == msgspec.structs.replace(thing, generation=1)
        assert await rig.store.find(THINGS, "t2") is None

    async def test_an_update_counts_its_generation_up(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1"))
        for generation in (1, 2, 3):
            thing = await rig.store.find(THINGS, "t1")
            assert thing is not None
            assert thing.generation == generation
            await rig.store.commit([Update(THINGS, msgspec.structs.replace(thing, size=9))])

    async def test_what_was_read_before_another_write_cannot_be_written(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1"))
        old = await rig.store.find(THINGS, "t1")
        assert old is not None
        await rig.store.commit([Update(THINGS, old)])
        for write in (Update(THINGS, old), Delete(THINGS, "t1", 1)):
            with pytest.raises(StaleGeneration) as raised:
                await rig.store.commit([write])
            assert (raised.value.noun, raised.value.id) == ("things", "t1")

    async def test_an_update_may_demand_more_of_the_row(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1", parent="p"))
        thing = a_thing("t1", parent="q", generation=1)
        wrongs: list[Where] = [{"parent": "z"}, {"parent": None}, {"parent": "p", "size": 1}]
        for wrong in wrongs:
            with pytest.raises(StaleGeneration):
                await rig.store.commit([Update(THINGS, thing, wrong)])
        await rig.store.commit([Update(THINGS, thing, {"parent": "p", "size": 0})])

    async def test_what_is_gone_cannot_be_updated_or_deleted(self, rig: Rig) -> None:
        for write in (Update(THINGS, a_thing("t1", generation=1)), Delete(THINGS, "t1")):
            with pytest.raises(StaleGeneration):
                await rig.store.commit([write])

    async def test_a_delete_without_a_generation_takes_any(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1"))
        await rig.store.commit([Update(THINGS, a_thing("t1", generation=1))])
        await rig.store.commit([Delete(THINGS, "t1")])
        assert await rig.store.find(THINGS, "t1") is None

    async def test_an_id_is_taken_once(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1"))
        with pytest.raises(AlreadyExists) as raised:
            await rig.store.commit(inserted("t1"))
        assert (raised.value.noun, raised.value.columns) == ("things", ("id",))

    async def test_a_unique_key_is_taken_once(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1", parent="p", name="n"))
        await rig.store.commit(inserted("t2", parent="p", name="m"))
        for write in (
            Insert(THINGS, a_thing("t3", parent="p", name="n")),
            Update(THINGS, a_thing("t2", parent="p", name="n", generation=1)),
        ):
            with pytest.raises(AlreadyExists) as raised:
                await rig.store.commit([write])
            assert (raised.value.noun, raised.value.columns) == ("things", ("parent", "name"))

    async def test_a_unique_key_with_a_none_never_clashes(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1", "t2", name="n"))

    async def test_a_name_is_free_again_in_the_write_set_that_deletes_it(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1", parent="p", name="n"))
        await rig.store.commit([Delete(THINGS, "t1"), *inserted("t2", parent="p", name="n")])

    async def test_a_requirement_is_the_row_and_its_columns(self, rig: Rig) -> None:
        await rig.store.commit(inserted("t1", parent="p", heavy=True))
        await rig.store.commit(
            [
                Require(THINGS, "t1"),
                Require(THINGS, "t1", {"parent": "p", "name": None, "heavy": True}),
                Require(THINGS, "t1", {"generation": 1}),
            ]
        )
        for write in (
            Require(THINGS, "t2"),
            Require(THINGS, "t1", {"parent": None}),
            Require(THINGS, "t1", {"parent": "p", "heavy": False}),
            Require(THINGS, "t1", {"generation": 2}),
        ):
            with pytest.raises(RequirementFailed) as raised:
                await rig.store.commit([write])
            assert (raised.value.noun, raised.value.id) == ("things", write.id)

    async def test_what_must_not_exist_is_counted_up_to_a_bound(self, rig: Rig) -> None:
        await rig.store.commit([RequireNone(THINGS, {"parent": "p"})])
        ids = [f"t{n}" for n in range(IN_USE_COUNT_MAX + 5)]
        await rig.store.commit(inserted(*ids[:3], parent="p"))
        with pytest.raises(InUse) as raised:
            await rig.store.commit([RequireNone(THINGS, {"parent": "p"})])
        assert (raised.value.noun, raised.value.count) == ("things", 3)
        await rig.store.commit(inserted(*ids[3:], parent="p"))
        with pytest.raises(InUse) as raised:
            await rig.store.commit([RequireNone(THINGS, {"parent": "p"})])
        assert raised.value.count == IN_USE_COUNT_MAX

    async def test_a_row_is_reaped_with_its_last_user(self, rig: Rig) -> None:
        reap = Reap(THINGS, "t1", {"parent": "dying"}, ((PARTS, {"group": "t1"}),))
        await rig.store.commit(
            [*inserted("t1", parent="alive"), Insert(PARTS, Part("p1", "t1")), reap]
        )
        await rig.store.commit([Delete(PARTS, "p1"), reap])
        assert await rig.store.find(THINGS, "t1") is not None, "it does not match"
        await rig.store.commit([Insert(PARTS, Part("p1", "t1")), Insert(PARTS, Part("p2", "t1"))])
        await rig.store.commit([Update(THINGS, a_thing("t1", parent="dying", generation=1)), reap])
        await rig.store.commit([Delete(PARTS, "p1"), reap])
        assert await rig.store.find(THINGS, "t1") is not None, "a part is left"
        await rig.store.commit([Delete(PARTS, "p2"), reap])
        assert await rig.store.find(THINGS, "t1") is None
        await rig.store.commit([reap])

    async def test_what_is_kept_outlives_the_store_object(self, rig: Rig) -> None:
        await rig.store.commit([*inserted("t1", "t2"), Charge("o1", (count_of("vm", 3),))])
        before = await everything(rig.store)
        assert await everything(await rig.reopen()) == before
        assert await rig.store.commit(inserted("t3")) == before[-1] + 1


class QuotaContract:
    """Counters that many share."""

    async def test_what_nobody_limits_is_tracked(self, rig: Rig) -> None:
        await rig.store.commit([Charge("o1", (count_of("vm", 2), Amount("m", 3, QuotaUnit.GB)))])
        await rig.store.commit([Charge("o1", (count_of("vm", 5),))])
        assert await rig.store.quota("o1") == [
            QuotaRow("m", None, 3 * 2.0**30, "GB"),
            QuotaRow("vm", None, 7, "COUNT"),
        ]
        assert await rig.store.quota("o2") == []

    async def test_a_limit_is_reached_but_not_passed(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 3),))])
        await rig.store.commit([Charge("o1", (count_of("vm", 3),))])
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([Charge("o1", (count_of("vm", 0.5),))])
        refused = raised.value
        assert (refused.owner_id, refused.key, refused.unit) == ("o1", "vm", "COUNT")
        assert (refused.limit, refused.usage, refused.amount) == (3, 3, 0.5)

    async def test_the_first_key_without_room_is_named_and_none_is_charged(self, rig: Rig) -> None:
        limits = tuple(count_of(key, 1) for key in "abc")
        await rig.store.commit([SetLimits("o1", limits)])
        before = await everything(rig.store)
        amounts = (count_of("b", 1), count_of("c", 2), count_of("a", 2), count_of("new", 1))
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([Charge("o1", amounts)])
        assert (raised.value.key, raised.value.usage, raised.value.amount) == ("c", 0, 2)
        assert await everything(rig.store) == before

    async def test_charges_of_one_write_set_add_up(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 3),))])
        two = Charge("o1", (count_of("vm", 2),))
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([two, two])
        assert (raised.value.usage, raised.value.amount) == (2, 2)
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", (count_of("vm", 2), count_of("vm", 2)))])
        assert (await rig.store.quota("o1"))[0].usage == 0

    async def test_giving_back_is_never_refused(self, rig: Rig) -> None:
        await rig.store.commit([Charge("o1", (count_of("vm", 9),))])
        await rig.store.commit([SetLimits("o1", (count_of("vm", 9),))])
        await rig.store.commit([Charge("o1", (count_of("vm", -4),))])
        assert (await rig.store.quota("o1"))[0].usage == 5

    async def test_more_keys_than_one_statement_takes_are_one_charge(self, rig: Rig) -> None:
        amounts = tuple(count_of(f"k{n:03}", n + 1) for n in range(100))
        await rig.store.commit([SetLimits("o1", (count_of("k099", 100),))])
        await rig.store.commit([Charge("o1", amounts)])
        assert [row.usage for row in await rig.store.quota("o1")] == [n + 1 for n in range(100)]
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", amounts)])
        assert [row.usage for row in await rig.store.quota("o1")] == [n + 1 for n in range(100)]

    async def test_tenths_add_up_to_where_they_began(self, rig: Rig) -> None:
        tenth = Amount("c", 0.1, QuotaUnit.COUNT)
        await rig.store.commit([SetLimits("o1", (count_of("c", 1),))])
        for _ in range(10):
            await rig.store.commit([Charge("o1", (tenth,))])
        assert (await rig.store.quota("o1"))[0].usage == 1
        for _ in range(10):
            await rig.store.commit([Charge("o1", (tenth.negated(),))])
        assert (await rig.store.quota("o1"))[0].usage == 0

    async def test_units_meet_in_base_units_and_the_limits_unit_is_kept(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (Amount("m", 1, QuotaUnit.GB),))])
        await rig.store.commit([Charge("o1", (Amount("m", 1024, QuotaUnit.MB),))])
        assert await rig.store.quota("o1") == [QuotaRow("m", 2.0**30, 2.0**30, "GB")]
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", (Amount("m", 1, QuotaUnit.B),))])

    async def test_a_limit_below_what_is_used_is_refused(self, rig: Rig) -> None:
        await rig.store.commit([Charge("o1", (count_of("vm", 3),))])
        before = await everything(rig.store)
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([SetLimits("o1", (count_of("a", 1), count_of("vm", 2)))])
        assert (raised.value.key, raised.value.limit, raised.value.usage) == ("vm", 2, 3)
        assert await everything(rig.store) == before

    async def test_replacing_limits_unlimits_the_other_keys(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("a", 1), count_of("b", 2)))])
        await rig.store.commit([SetLimits("o1", (count_of("c", 3),))])
        assert [row.limit for row in await rig.store.quota("o1")] == [1, 2, 3]
        await rig.store.commit([SetLimits("o1", (count_of("b", 5),), replace=True)])
        assert [row.limit for row in await rig.store.quota("o1")] == [None, 5, None]

    async def test_a_dropped_limit_leaves_the_usage(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("a", 1), count_of("b", 1)))])
        await rig.store.commit([Charge("o1", (count_of("a", 1),))])
        await rig.store.commit([DropLimits("o1", ("a", "unknown"))])
        await rig.store.commit([Charge("o1", (count_of("a", 1),))])
        assert await rig.store.quota("o1") == [
            QuotaRow("a", None, 2, "COUNT"),
            QuotaRow("b", 1, 0, "COUNT"),
        ]

    async def test_an_owner_that_goes_is_forgotten(self, rig: Rig) -> None:
        charge = (count_of("a", 1),)
        await rig.store.commit([Charge("o1", charge), Charge("o2", charge)])
        await rig.store.commit([DropQuota("o1")])
        assert await rig.store.quota("o1") == []
        assert len(await rig.store.quota("o2")) == 1

    async def test_hundreds_of_charges_at_once_fill_a_limit_exactly(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 100),))])

        async def charge(n: int) -> int:
            writes: list[Write] = [
                *inserted(f"t{n}"),
                Charge("o1", (count_of("vm", 1), count_of("all", 1))),
            ]
            try:
                await rig.store.commit(writes)
            except QuotaExceeded:
                return 0
            return 1

        assert sum(await asyncio.gather(*map(charge, range(WRITERS)))) == 100
        assert [row.usage for row in await rig.store.quota("o1")] == [100, 100]
        assert await rig.store.count(THINGS, {}) == 100


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

    async def test_close_finishes_what_waits(self, rig: Rig) -> None:
        waiting = [asyncio.create_task(rig.store.commit(inserted(f"t{n}"))) for n in range(50)]
        await asyncio.sleep(0)
        await rig.reopen()
        assert len(set(await asyncio.gather(*waiting))) == 50
        assert await rig.store.count(THINGS, {}) == 50


class FeedContract:
    """Revisions are one total order that readers may rely on."""

    async def test_a_change_names_its_row_and_its_generation(self, rig: Rig) -> None:
        first = await rig.store.commit([*inserted("t1"), Insert(PARTS, Part("p1", "t1"))])
        second = await rig.store.commit([Update(THINGS, a_thing("t1", generation=1))])
        third = await rig.store.commit(
            [Delete(THINGS, "t1"), Reap(PARTS, "p1", {}, ()), Reap(PARTS, "p2", {}, ())]
        )
        assert first < second < third
        assert await rig.store.changes(Revision(first - 1), limit=100) == [
            Change(first, "things", "t1", 1),
            Change(first, "order", "p1", 1),
            Change(second, "things", "t1", 2),
            Change(third, "things", "t1", 0),
            Change(third, "order", "p1", 0),
        ]
        assert await rig.store.changes(third, limit=100) == []

    async def test_a_noun_may_be_kept_out_of_the_feed(self, rig: Rig) -> None:
        heard: list[Change] = []
        rig.store.subscribe(heard.extend)
        revision = await rig.store.commit([Insert(SECRETS, Part("s", "g")), *inserted("t1")])
        assert heard == [Change(revision, "things", "t1", 1)]
        assert await rig.store.changes(Revision(revision - 1), limit=100) == heard

    async def test_listeners_hear_every_change_once_and_in_order(self, rig: Rig) -> None:
        heard: list[Change] = []
        rig.store.subscribe(heard.extend)
        start = await rig.store.revision()

        async def one(n: int) -> None:
            try:
                await rig.store.commit(inserted(f"t{n % 150}", f"u{n}", f"v{n}"))
            except AlreadyExists:
                return
            assert f"v{n}" in {change.id for change in heard}

        await asyncio.gather(*map(one, range(WRITERS)))
        revisions = [change.revision for change in heard]
        assert revisions == [start + 1 + n // 3 for n in range(450)]
        read: list[Change] = []
        since = start
        while batch := await rig.store.changes(since, limit=7):
            assert len(batch) <= 7
            read += batch
            since = batch[-1].revision
        assert read == heard

    async def test_one_revision_is_never_divided(self, rig: Rig) -> None:
        start = await rig.store.revision()
        await rig.store.commit(inserted(*[f"t{n}" for n in range(20)]))
        await rig.store.commit(inserted("u"))
        assert len(await rig.store.changes(start, limit=1)) == 20
        assert len(await rig.store.changes(start, limit=20)) == 20
        assert len(await rig.store.changes(start, limit=21)) == 21

    async def test_a_listener_that_raises_hurts_nobody(self, rig: Rig) -> None:
        heard: list[Change] = []

        def broken(_: Sequence[Change]) -> None:
            raise RuntimeError("on purpose")

        rig.store.subscribe(broken)
        rig.store.subscribe(heard.extend)
        await rig.store.commit(inserted("t1"))
        assert len(heard) == 1

    async def test_who_stopped_listening_hears_nothing(self, rig: Rig) -> None:
        heard: list[Change] = []
        stop = rig.store.subscribe(heard.extend)
        stop()
        stop()
        await rig.store.commit(inserted("t1"))
        assert heard == []

    async def test_a_page_names_the_revision_that_it_saw(self, rig: Rig) -> None:
        for n in range(3):
            revision = await rig.store.commit(inserted(f"t{n}"))
            page = await rig.store.page(THINGS, {}, limit=10)
            assert page.revision == revision == await rig.store.revision()

    async def test_pages_and_the_feed_agree_while_others_write(self, rig: Rig) -> None:
        """A reader that lists, then follows the feed, misses nothing."""

        async def write(n: int) -> None:
            for m in range(4):
                await rig.store.commit(inserted(f"t{n:02}-{m}"))

        writers = [asyncio.create_task(write(n)) for n in range(20)]
        while not all(writer.done() for writer in writers):
            page = await rig.store.page(THINGS, {}, limit=500)
            assert len(page.items) == page.revision, "each write-set inserts one row"
            await asyncio.sleep(0)
        await asyncio.gather(*writers)
