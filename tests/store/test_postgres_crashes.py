"""kill -9 of writers and of the server: what was acknowledged is there, once, and nothing else."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from photon.devbox.postgres import FORGETFUL, PrivatePostgres
from photon.store.protocol import Change, Charge, Revision, Write
from tests.store.contract_shared import told
from tests.store.killing import check, run_and_kill
from tests.store.postgres_rig import new_schema, open_store
from tests.store.things import THINGS, count_of, inserted

ROUNDS = 3
WRITERS, EACH = 30, 25
KILLS = 2


async def test_what_a_killed_writer_acknowledged_is_there_and_nothing_is_half_there(
    postgres: PrivatePostgres,
) -> None:
    url, chance = await new_schema(postgres), random.Random(11)
    acknowledged: set[str] = set()
    for start in range(0, ROUNDS * 1_000_000, 1_000_000):
        said = await asyncio.to_thread(run_and_kill, url, start, chance.randrange(50, 600))
        acknowledged |= {f"{int(line):08}" for line in said}
        await check(url, acknowledged)


@pytest.fixture
def mortal() -> Iterator[PrivatePostgres]:
    """A server of its own, that may be killed."""
    with tempfile.TemporaryDirectory(prefix="photon-pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        server = PrivatePostgres(Path(folder) / "server", FORGETFUL)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.remove()


async def test_writers_outlive_the_server_and_nothing_is_lost_or_doubled(
    mortal: PrivatePostgres,
) -> None:
    """Two controllers under load, while their server is killed and comes back."""
    url = await new_schema(mortal)
    stores = [await open_store(url) for _ in range(2)]
    heard: list[list[Change]] = [[], []]
    for store, changes in zip(stores, heard, strict=True):
        store.subscribe(changes.extend)
    acknowledged: dict[str, int] = {}

    async def write(n: int) -> None:
        store = stores[n % 2]
        for m in range(EACH):
            id = f"t{n}-{m}"
            writes: list[Write] = [*inserted(id), Charge("o1", (count_of("vm", 1),))]
            acknowledged[id] = await store.commit(writes)
            assert await stores[m % 2].find(THINGS, id) is not None

    writing = asyncio.gather(*map(write, range(WRITERS)))
    for n in range(KILLS):
        enough = WRITERS * EACH * (2 * n + 1) / (2 * KILLS)
        while len(acknowledged) < enough and not writing.done():  # noqa: ASYNC110  # a count has no event
            await asyncio.sleep(0)
        mortal.kill()
        await asyncio.sleep(0.2)
        await asyncio.to_thread(mortal.start)
    await writing
    last = await stores[0].revision()
    feed = await stores[0].changes(Revision(0), limit=10_000)
    assert {change.id: change.revision for change in feed} == acknowledged
    assert [change.revision for change in feed] == [*range(1, len(acknowledged) + 1)]
    assert [row.usage for row in await stores[1].quota("o1")] == [len(acknowledged)]
    for changes in heard:
        await told(changes, last)
        assert changes == feed
    for store in stores:
        await store.close()
