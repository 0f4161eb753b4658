"""A process that writes until it is killed, and says on its standard output what was acknowledged.

    python -m tests.store.killed_writer STORE FIRST [FILE_BYTES_MAX]

Write-set n inserts a thing `n`, two parts and a charge of 1. With FILE_BYTES_MAX the files may not
grow beyond it until a write has failed: then it writes "full", gets more room, and goes on.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import resource
import sys
from collections.abc import Iterator

from photon.outside.clock import RealClock
from photon.store.errors import StoreUnavailable
from photon.store.opening import open_store
from photon.store.protocol import Charge, CloudStore, Insert, Write
from tests.store.things import NOUNS, PARTS, THINGS, Part, a_thing, count_of

WRITERS = 40
OWNER = "o1"


def write_set(n: int) -> list[Write]:
    id = f"{n:08}"
    return [
        Charge(OWNER, (count_of("vm", 1),)),
        Insert(THINGS, a_thing(id, note="x" * 500)),
        Insert(PARTS, Part(f"{id}-a", id)),
        Insert(PARTS, Part(f"{id}-b", id)),
    ]


async def write(store: CloudStore, numbers: Iterator[int]) -> None:
    for n in numbers:
        try:
            await store.commit(write_set(n))
        except StoreUnavailable:
            _say("full")
            most = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        else:
            _say(str(n))


def _say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def main(where: str, first: int) -> None:
    store = await open_store(where, NOUNS, RealClock())
    numbers = itertools.count(first)
    await asyncio.gather(*[write(store, numbers) for _ in range(WRITERS)])


if __name__ == "__main__":
    if len(sys.argv) > 3:
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), hard))
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
