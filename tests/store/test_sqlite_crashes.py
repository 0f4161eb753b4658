"""kill -9 and a full disk: what was acknowledged is there, the rest whole or absent."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from photon.outside.clock import RealClock
from photon.store.protocol import PAGE_SIZE_MAX, Revision
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.store.killed_writer import OWNER
from tests.store.things import NOUNS, PARTS, THINGS

ROUNDS = 5


def run_and_kill(path: Path, first: int, acknowledged: int, *limit: str) -> list[str]:
    """Kills a writer once it has acknowledged so many; all that it has said."""
    command = [sys.executable, "-m", "tests.store.killed_writer", str(path), str(first), *limit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(acknowledged)]
        writer.kill()
        said += writer.stdout.read().splitlines()
    return said


async def check(path: Path, acknowledged: set[str]) -> set[str]:
    """Each write-set whole or absent, each acknowledged one there; returns those there."""
    store = SqliteStore(str(path), NOUNS, RealClock(), SqliteOptions())
    things: set[str] = set()
    after, more = "", True
    while more:
        page = await store.page(THINGS, {}, limit=PAGE_SIZE_MAX, after=after)
        things |= {thing.id for thing in page.items}
        after, more = (page.items[-1].id if page.items else ""), page.more
    assert acknowledged <= things
    assert await store.count(PARTS, {}) == 2 * len(things)
    assert [row.usage for row in await store.quota(OWNER)] == [len(things)]
    revision = await store.revision()
    assert revision == len(things)
    changes = await store.changes(Revision(0), limit=10**6)
    assert [change.revision for change in changes] == [1 + n // 3 for n in range(3 * revision)]
    assert {change.id for change in changes if change.noun == THINGS.name} == things
    await store.close()
    return things


async def test_what_a_killed_writer_acknowledged_is_there_and_nothing_is_half_there(
    tmp_path: Path,
) -> None:
    path, chance = tmp_path / "store.db", random.Random(11)
    acknowledged: set[str] = set()
    for start in range(0, ROUNDS * 1_000_000, 1_000_000):
        said = run_and_kill(path, start, chance.randrange(50, 600))
        acknowledged |= {f"{int(line):08}" for line in said}
        await check(path, acknowledged)


async def test_a_full_disk_refuses_and_more_room_is_used(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    said = run_and_kill(path, 0, 3_000, str(1 << 20))
    assert said.index("full") > 0, "it began with room, and then had none"
    await check(path, {f"{int(line):08}" for line in said if line != "full"})
