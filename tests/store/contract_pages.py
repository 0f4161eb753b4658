"""The contract of lists: by id, both ways, whole while others write."""

from __future__ import annotations

import asyncio
import random

import pytest

from photon.store.protocol import Delete, Insert, Where
from tests.store.rig import Rig
from tests.store.things import PARTS, THINGS, Part, inserted


async def ids(rig: Rig, where: Where, **page: int | str) -> list[str]:
    return [t.id for t in (await rig.store.page(THINGS, where, **page)).items]  # type: ignore[arg-type]  # limit, after, before


class PageContract:
    async def test_a_page_is_in_id_order_and_says_if_there_is_more(self, rig: Rig) -> None:
        await rig.store.commit(inserted("c", "a", "d", "b", parent="p"))
        await rig.store.commit(inserted("aa", "e", parent="q"))
        page = await rig.store.page(THINGS, {"parent": "p"}, limit=4)
        assert [thing.id for thing in page.items] == ["a", "b", "c", "d"]
        assert not page.more
        page = await rig.store.page(THINGS, {"parent": "p"}, limit=3)
        assert [thing.id for thing in page.items] == ["a", "b", "c"]
        assert page.more
        assert await ids(rig, {}, limit=10) == ["a", "aa", "b", "c", "d", "e"]

    async def test_pages_go_on_after_an_id_whether_it_exists_or_not(self, rig: Rig) -> None:
        await rig.store.commit(inserted("a", "b", "d", "e"))
        assert await ids(rig, {}, limit=2, after="b") == ["d", "e"]
        assert await ids(rig, {}, limit=2, after="c") == ["d", "e"]
        assert await ids(rig, {}, limit=2, after="e") == []

    async def test_pages_go_back_before_an_id(self, rig: Rig) -> None:
        await rig.store.commit(inserted("a", "b", "d", "e"))
        page = await rig.store.page(THINGS, {}, limit=2, before="e")
        assert [thing.id for thing in page.items] == ["b", "d"]
        assert page.more
        page = await rig.store.page(THINGS, {}, limit=2, before="c")
        assert [thing.id for thing in page.items] == ["a", "b"]
        assert not page.more
        assert await ids(rig, {}, limit=2, before="a") == []

    @pytest.mark.parametrize(
        ("where", "expected"),
        [
            ({"parent": None}, ["n"]),
            ({"parent": "p", "heavy": True}, ["h"]),
            ({"heavy": False}, ["l", "n"]),
            ({"parent": "p", "name": "l"}, ["l"]),
            ({"parent": "nobody"}, []),
            ({"size": 7}, ["n"]),
            ({"id": "h"}, ["h"]),
        ],
    )
    async def test_a_page_filters_by_columns(
        self, rig: Rig, where: Where, expected: list[str]
    ) -> None:
        await rig.store.commit(
            [
                *inserted("h", parent="p", heavy=True),
                *inserted("l", parent="p", name="l"),
                *inserted("n", size=7),
            ]
        )
        assert await ids(rig, where, limit=10) == expected
        assert await rig.store.count(THINGS, where) == len(expected)

    async def test_many_are_found_in_the_order_asked(self, rig: Rig) -> None:
        await rig.store.commit(inserted("a", "b", "c"))
        found = await rig.store.find_many(THINGS, ["c", "x", "a", "c"])
        assert [thing.id for thing in found] == ["c", "a", "c"]
        assert await rig.store.find_many(THINGS, []) == []

    async def test_columns_are_summed_by_another(self, rig: Rig) -> None:
        await rig.store.commit(
            [
                *inserted("a", "b", parent="p", size=2),
                *inserted("c", parent="q", size=5, heavy=True),
                *inserted("d", size=9),
            ]
        )
        assert await rig.store.sum(THINGS, "size", "parent", {}) == {"p": 4, "q": 5}
        assert await rig.store.sum(THINGS, "heavy", "parent", {"heavy": True}) == {"q": 1}
        assert await rig.store.sum(THINGS, "size", "parent", {"heavy": None}) == {}

    async def test_names_that_are_words_of_sql_are_names(self, rig: Rig) -> None:
        await rig.store.commit([Insert(PARTS, Part("p1", "g"))])
        assert [part.id for part in (await rig.store.page(PARTS, {"group": "g"}, limit=1)).items]

    @pytest.mark.parametrize("backwards", [False, True])
    async def test_what_stays_is_listed_once_while_others_come_and_go(
        self, rig: Rig, backwards: bool
    ) -> None:
        stay = [f"t{n:03}" for n in range(0, 200, 2)]
        await rig.store.commit(inserted(*stay, parent="p"))
        chance = random.Random(3)

        async def come_and_go(writer: int) -> None:
            while not seen_all.is_set():
                id = f"t{chance.randrange(1, 200, 2):03}-{writer}"
                await rig.store.commit(inserted(id, parent="p"))
                await rig.store.commit([Delete(THINGS, id)])

        seen_all = asyncio.Event()
        writers = [asyncio.create_task(come_and_go(writer)) for writer in range(8)]
        seen: list[str] = []
        more, edge = True, "~" if backwards else ""
        while more:
            key = "before" if backwards else "after"
            page = await rig.store.page(THINGS, {"parent": "p"}, limit=7, **{key: edge})
            found = [thing.id for thing in page.items]
            seen = found + seen if backwards else seen + found
            edge, more = (found[0] if backwards else found[-1]), page.more
            await asyncio.sleep(0)
        seen_all.set()
        await asyncio.gather(*writers)
        assert seen == sorted(set(seen)), "in order, and nothing twice"
        assert [id for id in seen if id in set(stay)] == stay
