"""The server, or the way to it, goes away: nothing is applied twice, lost, or told wrongly."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from photon.devbox.postgres import PrivatePostgres
from photon.store.errors import (
    AlreadyExists,
    FeedTrimmed,
    StoreLost,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from photon.store.feed import TRIM_STEP
from photon.store.postgres.committer import TRIES_MAX
from photon.store.postgres.driver import Connection, PostgresError, connect
from photon.store.postgres.group import Group, Waiting
from photon.store.postgres.session import WriterSession
from photon.store.postgres.shapes import shapes_of
from photon.store.postgres.store import PostgresOptions, PostgresStore
from photon.store.protocol import Change, Charge, Revision, Write
from tests.store.contract_shared import told
from tests.store.cutting_proxy import CuttingProxy
from tests.store.postgres_rig import new_schema, open_store
from tests.store.things import NOUNS, THINGS, count_of, inserted

HANGS_SECONDS = 20.0  # Who has no answer by then never gets one.


@dataclass
class Cut:
    """A store behind a proxy, and a straight connection to its schema."""

    store: PostgresStore
    proxy: CuttingProxy
    straight: Connection
    url: str
    direct: str
    heard: list[Change]

    async def applied(self) -> dict[str, int]:
        """Revision by id, as the feed has it."""
        changes = await self.store.changes(Revision(0), limit=10_000)
        assert len({change.id for change in changes}) == len(changes), "something was applied twice"
        return {change.id: change.revision for change in changes}


@pytest.fixture
async def cut(request: pytest.FixtureRequest, postgres: PrivatePostgres) -> AsyncIterator[Cut]:
    options: PostgresOptions = getattr(request, "param", PostgresOptions())
    direct = await new_schema(postgres)
    with tempfile.TemporaryDirectory(prefix="photon-cut-", dir="/tmp") as folder:
        proxy = CuttingProxy(postgres, Path(folder))
        await proxy.start()
        url = proxy.url(direct.rpartition("=")[2])
        store = await open_store(url, options)
        heard: list[Change] = []
        store.subscribe(heard.extend)
        straight = await connect(direct)
        yield Cut(store, proxy, straight, url, direct, heard)
        proxy.frozen = proxy.refusing = False
        await store.close()
        await straight.close(timeout=1)
        await proxy.close()


async def test_a_lost_request_is_sent_again(cut: Cut) -> None:
    cut.proxy.lose_requests = 1
    revision = await cut.store.commit([*inserted("t1"), Charge("o1", (count_of("vm", 1),))])
    assert cut.proxy.lose_requests == 0
    assert cut.heard == [Change(revision, "things", "t1", 1)]
    assert await cut.applied() == {"t1": revision}
    assert [row.usage for row in await cut.store.quota("o1")] == [1]


async def test_a_commit_whose_answer_was_lost_happened_once(cut: Cut) -> None:
    cut.proxy.lose_answers = 1
    revision = await cut.store.commit([*inserted("t1"), Charge("o1", (count_of("vm", 1),))])
    assert cut.proxy.lose_answers == 0
    assert cut.heard == [Change(revision, "things", "t1", 1)]
    assert await cut.applied() == {"t1": revision}
    assert [row.usage for row in await cut.store.quota("o1")] == [1]


async def test_of_a_group_whose_answer_was_lost_each_hears_its_own_end(cut: Cut) -> None:
    await cut.store.commit(inserted("taken"))
    cut.proxy.lose_answers = 1
    ends = await asyncio.gather(
        cut.store.commit(inserted("a")),
        cut.store.commit(inserted("taken")),
        cut.store.commit([*inserted("b"), *inserted("taken")]),
        cut.store.commit(inserted("c")),
        return_exceptions=True,
    )
    assert cut.proxy.lose_answers == 0
    assert [type(end) for end in ends] == [int, AlreadyExists, AlreadyExists, int]
    applied = await cut.applied()
    assert (applied["a"], applied["c"]) == (ends[0], ends[3])
    assert applied.keys() == {"taken", "a", "c"}


async def test_cuts_at_any_moment_lose_and_double_nothing(cut: Cut) -> None:
    chance = random.Random(5)
    acknowledged: dict[str, int] = {}

    def hit() -> None:
        match chance.randrange(3):
            case 0:
                cut.proxy.lose_requests = 1
            case 1:
                cut.proxy.lose_answers = 1
            case _:
                asyncio.get_running_loop().call_later(chance.uniform(0, 0.01), cut.proxy.cut)

    async def write(n: int) -> None:
        for m in range(30):
            id = f"t{n}-{m}"
            writes: list[Write] = [*inserted(id), Charge("o1", (count_of("vm", 1),))]
            acknowledged[id] = await cut.store.commit(writes)
            assert await cut.store.find(THINGS, id) is not None
            if len(acknowledged) % 25 == 0:
                hit()

    await asyncio.gather(*map(write, range(20)))
    cut.proxy.lose_answers = cut.proxy.lose_requests = 0
    assert cut.proxy.cuts > 10, "it was hardly tried"
    assert await cut.applied() == acknowledged
    assert [row.usage for row in await cut.store.quota("o1")] == [len(acknowledged)]
    await _heard_all(cut)


async def _heard_all(cut: Cut) -> None:
    await told(cut.heard, await cut.store.revision())
    assert cut.heard == await cut.store.changes(Revision(0), limit=10_000)


@pytest.mark.parametrize("cut", [PostgresOptions(answer_seconds=0.3)], indirect=True)
async def test_who_does_not_answer_is_left_and_asked_anew(cut: Cut) -> None:
    cut.proxy.frozen = True
    waiting = asyncio.create_task(cut.store.commit(inserted("t1")))
    await asyncio.sleep(0.1)
    cut.proxy.frozen = False  # For new connections; what was swallowed is lost.
    revision = await waiting
    assert await cut.applied() == {"t1": revision}


@pytest.mark.parametrize("cut", [PostgresOptions(failover_seconds=0.4)], indirect=True)
async def test_when_nobody_can_tell_nobody_says_that_it_failed(cut: Cut) -> None:
    cut.proxy.lose_answers, cut.proxy.refusing = 1, True
    first = asyncio.create_task(cut.store.commit(inserted("done")))
    while cut.proxy.lose_answers:  # noqa: ASYNC110  # a proxy has no event for it
        await asyncio.sleep(0.01)
    second = asyncio.create_task(cut.store.commit(inserted("never-sent")))
    with pytest.raises(StoreOutcomeUnknown, match="look before you ask again"):
        await first
    with pytest.raises(StoreUnavailable) as raised:
        await second
    assert not isinstance(raised.value, StoreOutcomeUnknown)
    cut.proxy.refusing = False
    third = await cut.store.commit(inserted("later"))
    assert await cut.applied() == {"done": 1, "later": third}


async def test_a_session_that_was_given_up_cannot_write_any_more(cut: Cut) -> None:
    """The old one may only have been slow, and its group arrive after all."""
    old = await WriterSession.open(cut.url, NOUNS, None)
    # On a server that is not told to end it, as after a failover: by this name it would be found.
    await old._connection.execute("SET application_name = 'somebody'")
    new = await WriterSession.open(cut.url, NOUNS, old.claim.id)
    assert new.claim.session == old.claim.session + 1
    group = Group(shapes_of(NOUNS))
    group.add(Waiting(inserted("t1"), asyncio.get_running_loop().create_future(), 0.0))
    with pytest.raises(PostgresError, match="another session writes"):
        await old.apply(group, 1, Revision(0), 100)
    assert await cut.store.count(THINGS, {}) == 0
    await new.apply(group, 1, Revision(0), 100)
    assert await cut.store.count(THINGS, {}) == 1
    old.drop()
    await new.close()


FAILING = """
CREATE SEQUENCE failures;
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF nextval('failures') <= {times} THEN RAISE EXCEPTION USING ERRCODE = '{state}'; END IF;
  RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON things
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail();
"""


@pytest.mark.parametrize("state", ["40001", "40P01"])
async def test_what_the_server_rolled_back_is_tried_again(cut: Cut, state: str) -> None:
    await cut.straight.execute(FAILING.format(times=TRIES_MAX - 1, state=state))
    revision = await cut.store.commit(inserted("t1"))
    assert await cut.applied() == {"t1": revision}


async def test_it_is_not_tried_for_ever(cut: Cut) -> None:
    await cut.straight.execute(FAILING.format(times=TRIES_MAX, state="40001"))
    with pytest.raises(StoreUnavailable) as raised:
        await cut.store.commit(inserted("t1"))
    assert not isinstance(raised.value, StoreOutcomeUnknown), "it is known not to have happened"
    assert await cut.store.commit(inserted("t1")) == 1


async def test_a_full_disk_refuses_all_and_more_room_is_used(cut: Cut) -> None:
    await cut.straight.execute(FAILING.format(times=1, state="53100"))
    ends = await asyncio.gather(
        cut.store.commit(inserted("t1")), cut.store.commit([]), return_exceptions=True
    )
    assert [type(end) for end in ends] == [StoreUnavailable] * 2
    assert await cut.store.commit(inserted("t1")) == 1


async def test_lost_commits_are_seen_and_end_the_store(cut: Cut) -> None:
    """A standby that lacked the newest commits became the primary."""
    for n in range(5):
        await cut.store.commit(inserted(f"t{n}"))
    await cut.straight.execute("UPDATE feed SET revision = 3")
    ends = 0

    def ended() -> None:
        nonlocal ends
        ends += 1

    cut.store.when_lost(ended)
    cut.proxy.cut()
    for _ in range(2):
        with pytest.raises(StoreLost, match="are lost"):
            await cut.store.commit(inserted("more"))
    assert ends == 1


async def test_a_writer_that_the_database_does_not_know_is_told_to_end(cut: Cut) -> None:
    """As after a restore, or a failover that lost its first commits."""
    told = asyncio.Event()
    cut.store.when_lost(told.set)
    await cut.straight.execute("DELETE FROM writers")
    cut.proxy.cut()
    with pytest.raises(StoreLost, match="does not know this writer"):
        await cut.store.commit(inserted("t1"))
    assert told.is_set()


@pytest.mark.parametrize("cut", [PostgresOptions(changes_kept=10)], indirect=True)
async def test_who_was_away_for_longer_than_the_feed_remembers_is_told_so(cut: Cut) -> None:
    await cut.store.commit(inserted("t1"))
    cut.proxy.refusing = True
    cut.proxy.cut()
    other = await open_store(cut.direct, PostgresOptions(changes_kept=10))
    for n in range(3 * TRIM_STEP):
        await other.commit(inserted(f"u{n}"))
    with pytest.raises(FeedTrimmed) as trimmed:
        await other.changes(Revision(1), limit=10)
    oldest = Revision(trimmed.value.oldest)
    newest = await other.revision()
    kept = await other.changes(oldest, limit=1000)
    assert [change.revision for change in kept] == [*range(oldest + 1, newest + 1)]
    assert 10 <= len(kept) < 10 + TRIM_STEP
    await other.close()
    cut.proxy.refusing = False
    with pytest.raises(StoreUnavailable, match="cut off from the store for too long"):
        await _commit_for_ever(cut.store)


async def _commit_for_ever(store: PostgresStore) -> None:
    while True:
        await store.commit([])
        await asyncio.sleep(0.01)


async def test_reads_outlive_their_connections(cut: Cut) -> None:
    await cut.store.commit(inserted("t1"))
    for _ in range(5):
        reading = [asyncio.create_task(cut.store.page(THINGS, {}, limit=9)) for _ in range(8)]
        await asyncio.sleep(0)
        cut.proxy.cut()
        assert [[t.id for t in page.items] for page in await asyncio.gather(*reading)] == [
            ["t1"]
        ] * 8


@pytest.mark.parametrize("cut", [PostgresOptions(read_retry_seconds=0.3)], indirect=True)
async def test_a_read_that_was_given_up_leaves_nothing_for_the_next_to_wait_for(cut: Cut) -> None:
    """As in a failover that takes longer than readers wait, while no connection can be had."""
    await cut.store.commit(inserted("t1"))
    cut.proxy.refusing = True
    cut.proxy.cut()
    with pytest.raises(StoreUnavailable):
        await cut.store.find(THINGS, "t1")
    cut.proxy.refusing = False
    async with asyncio.timeout(HANGS_SECONDS):
        assert await cut.store.find(THINGS, "t1") is not None


async def test_a_closed_store_refuses_and_may_be_closed_again(cut: Cut) -> None:
    await cut.store.close()
    await cut.store.close()
    with pytest.raises(StoreUnavailable):
        await cut.store.commit([])
    with pytest.raises(StoreUnavailable):
        await cut.store.revision()


@pytest.mark.parametrize("cut", [PostgresOptions(answer_seconds=0.3)], indirect=True)
async def test_a_read_that_is_never_answered_is_asked_anew(cut: Cut) -> None:
    await cut.store.commit(inserted("t1"))
    assert await cut.store.find(THINGS, "t1") is not None, "a connection is open now"
    cut.proxy.frozen = True
    waiting = asyncio.create_task(cut.store.find(THINGS, "t1"))
    await asyncio.sleep(0.1)
    cut.proxy.frozen = False  # For new connections; what was swallowed is lost.
    assert await waiting is not None
