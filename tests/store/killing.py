"""Kills writers, and looks at what they leave behind. The same for every store."""

from __future__ import annotations

import subprocess
import sys

from photon.outside.clock import RealClock
from photon.store.opening import open_store
from photon.store.protocol import PAGE_SIZE_MAX, Revision
from tests.store.killed_writer import OWNER
from tests.store.things import NOUNS, PARTS, THINGS


def run_and_kill(where: str, first: int, acknowledged: int, *limit: str) -> list[str]:
    """Kills a writer once it has acknowledged so many; all that it has said."""
    command = [sys.executable, "-m", "tests.store.killed_writer", where, str(first), *limit]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline().strip() for _ in range(acknowledged)]
        writer.kill()
        said += writer.stdout.read().splitlines()
    return said


async def check(where: str, acknowledged: set[str]) -> set[str]:
    """Each write-set whole or absent, each acknowledged one there; returns those there."""
    store = await open_store(where, NOUNS, RealClock())
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
