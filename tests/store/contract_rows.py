"""The contract of rows, generations and conditions."""

from __future__ import annotations

import msgspec
import pytest

from photon.store.errors import (
    AlreadyExists,
    InUse,
    RequirementFailed,
    StaleGeneration,
)
from photon.store.protocol import (
    IN_USE_COUNT_MAX,
    Charge,
    Delete,
    Insert,
    Reap,
    Require,
    RequireNone,
    Update,
    Where,
)
from tests.store.rig import Rig, everything
from tests.store.things import PARTS, THINGS, Part, a_thing, count_of, inserted


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
