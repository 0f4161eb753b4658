"""Several store objects, and several processes, upon one database."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from photon.devbox.postgres import PrivatePostgres
from photon.store.postgres.driver import connect
from photon.store.postgres.store import PostgresStore
from photon.store.protocol import Change, Revision
from tests.store.contract_shared import SharedContract, stores, told
from tests.store.postgres_rig import new_schema, open_store

__all__ = ["stores"]

PROCESSES = 3
WRITE_SETS = 400  # by each process
KILLED_MIN = 5  # Writers' sessions; a quick machine is done after some twenty.
# What a COMMIT may wait for, made long and uneven: a disk, a standby. A revision that was given
# out before such a wait, without a lock, would become visible after a higher one.
# The other trigger dawdles in the middle of a group, when its changes are written and its COMMIT is
# not yet asked for.
SLOW_COMMITS = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN PERFORM pg_sleep(random() * random() * 0.02); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON feed
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle();
CREATE TRIGGER dawdle_before AFTER INSERT ON changes
  FOR EACH STATEMENT EXECUTE FUNCTION dawdle();
"""
# Whoever it meets: a writer that waits for the lock, that has it, or that is in its COMMIT; a
# reader; somebody who listens. Each must come back, and find out what became of what it had sent.
KILL_ONE = """
SELECT application_name, pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE application_name LIKE 'photon %' AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1
"""
KILL_EVERY_SECONDS = 0.05


class Shared:
    def __init__(self, url: str) -> None:
        self.url = url
        self._opened: list[PostgresStore] = []

    async def open_another(self) -> PostgresStore:
        store = await open_store(self.url)
        self._opened.append(store)
        return store

    async def close(self) -> None:
        for store in self._opened:
            await store.close()


@pytest.fixture
async def shared(postgres: PrivatePostgres) -> AsyncIterator[Shared]:
    shared = Shared(await new_schema(postgres))
    yield shared
    await shared.close()


class TestShared(SharedContract): ...


async def follow(store: PostgresStore, seen: list[Change], done: asyncio.Event) -> None:
    """Reads the feed as a reader does that relies upon its order: from the last revision on."""
    since = Revision(0)
    while True:
        last_look = done.is_set()
        changes = await store.changes(since, limit=50)
        assert all(change.revision > since for change in changes)
        seen += changes
        if changes:
            since = changes[-1].revision
        elif last_look:
            return


async def sabotage(url: str, killed: Counter[str]) -> None:
    connection = await connect(url)
    try:
        while True:
            await asyncio.sleep(KILL_EVERY_SECONDS)
            for row in await connection.fetch(KILL_ONE):
                killed[" ".join(row["application_name"].split()[:2])] += 1
    finally:
        await connection.close(timeout=1)


async def test_no_change_appears_below_one_that_was_seen(shared: Shared) -> None:
    """Processes commit at once, each group and each COMMIT as slow as it likes, sessions are killed
    in the middle of whatever they do, and readers never miss a thing, nor see one twice."""
    store = await shared.open_another()
    connection = await connect(shared.url)
    await connection.execute(SLOW_COMMITS)
    await connection.close(timeout=1)
    heard: list[Change] = []
    store.subscribe(heard.extend)
    done = asyncio.Event()
    seen: list[list[Change]] = [[], []]
    readers = [asyncio.create_task(follow(store, changes, done)) for changes in seen]
    arguments = ["-m", "tests.store.feed_writer", shared.url, str(WRITE_SETS)]
    writers = [
        await asyncio.create_subprocess_exec(
            sys.executable, *arguments, str(n), stdout=asyncio.subprocess.PIPE
        )
        for n in range(PROCESSES)
    ]
    acknowledged: dict[str, int] = {}
    killed = Counter[str]()
    saboteur = asyncio.create_task(sabotage(shared.url, killed))
    for writer in writers:
        out, _ = await writer.communicate()
        assert writer.returncode == 0
        acknowledged |= {id: int(r) for id, r in map(str.split, out.decode().splitlines())}
    saboteur.cancel()
    await asyncio.gather(saboteur, return_exceptions=True)
    done.set()
    await asyncio.gather(*readers)
    assert killed["photon writer"] >= KILLED_MIN, killed
    assert len(acknowledged) == PROCESSES * WRITE_SETS
    assert sorted(acknowledged.values()) == [*range(1, PROCESSES * WRITE_SETS + 1)]
    await told(heard, PROCESSES * WRITE_SETS)
    for changes in (*seen, heard):
        assert {change.id: change.revision for change in changes} == acknowledged
        assert [change.revision for change in changes] == [*range(1, len(acknowledged) + 1)]
