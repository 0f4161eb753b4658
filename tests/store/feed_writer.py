"""A process that commits, several at a time, and says on standard output what came when.

    python -m tests.store.feed_writer URL WRITE_SETS NAME

Write-set n inserts a thing NAME-n. Each line: its id, its revision.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator

from photon.store.postgres.store import PostgresStore
from tests.store.postgres_rig import open_store
from tests.store.things import inserted

WRITERS = 12


async def write(store: PostgresStore, ids: Iterator[str], chance: random.Random) -> list[str]:
    said = []
    for id in ids:
        said.append(f"{id} {await store.commit(inserted(id))}")
        # So that groups are of all sizes.
        await asyncio.sleep(chance.choice((0, 0, 0.002)))
    return said


async def main(url: str, write_sets: int, name: str) -> None:
    store = await open_store(url)
    ids = (f"{name}-{n}" for n in range(write_sets))
    chance = random.Random(name)
    said = await asyncio.gather(*[write(store, ids, chance) for _ in range(WRITERS)])
    await store.close()
    sys.stdout.write("\n".join(line for lines in said for line in lines))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
