"""The contract of the change feed: one total order that readers may rely on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from photon.store.errors import (
    AlreadyExists,
)
from photon.store.protocol import (
    Change,
    Delete,
    Insert,
    Reap,
    Revision,
    Update,
)
from tests.store.rig import WRITERS, Rig
from tests.store.things import PARTS, SECRETS, THINGS, Part, a_thing, inserted


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
