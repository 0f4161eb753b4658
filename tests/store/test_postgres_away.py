"""Reads while there is no server at all: each is refused in time, the next one is asked anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest

from photon.outside.clock import RealClock
from photon.store.errors import StoreUnavailable
from photon.store.postgres.connections import Readers
from photon.store.postgres.driver import Connection
from photon.store.postgres.reads import Reads
from photon.store.postgres.shapes import shapes_of
from tests.store.things import NOUNS, THINGS, Thing

HUNG_SECONDS = 10.0  # Nothing here waits for anything but itself.


class HastyClock(RealClock):
    """Time passes when somebody waits for it."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_seconds

    async def sleep(self, seconds: float) -> None:
        self.ahead_seconds += seconds
        await asyncio.sleep(0)


class Answering:
    """A connection that knows one thing."""

    async def fetch(self, sql: str, ids: list[str]) -> list[Any]:
        return [(id, msgspec.json.encode(Thing(id))) for id in ids]


class AwayReaders(Readers):
    """No connection can be opened until `there`."""

    there = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        if not self.there:
            raise ConnectionRefusedError("nobody listens")
        yield cast(Connection, Answering())


async def test_after_no_server_was_there_for_long_the_next_read_is_answered() -> None:
    readers = AwayReaders("postgresql://nowhere", 1)
    reads = Reads(readers, shapes_of(NOUNS), HastyClock(), answer_seconds=HUNG_SECONDS)
    async with asyncio.timeout(HUNG_SECONDS):
        with pytest.raises(StoreUnavailable):
            await reads.find(THINGS, "one")
        with pytest.raises(StoreUnavailable):
            await reads.find(THINGS, "two")
        readers.there = True
        assert await reads.find(THINGS, "three") == Thing("three")
