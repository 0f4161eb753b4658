"""Each controller comes to know the topology that the store has, however changes overlap."""

from __future__ import annotations

import asyncio
from typing import Any

from photon.domain.topology import HostSeat, Traits
from photon.outside.clock import RealClock
from photon.reconcilers.topology_rows import TopologyRows
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import NOUNS, SEATS
from photon.store.protocol import Entity, Insert, Noun, Update
from photon.store.sqlite import SqliteOptions, SqliteStore


class FarStore:
    """A store whose answers about seats take a while: until `arrive` is set."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.arrive = asyncio.Event()
        self.asked = asyncio.Event()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def find_many(self, noun: Noun[Entity], ids: list[str]) -> list[Entity]:
        found = await self._store.find_many(noun, ids)
        if noun.name == SEATS.name and ids:
            self.asked.set()
            await self.arrive.wait()
        return found


async def test_a_seat_that_changes_while_it_is_read_is_read_again() -> None:
    """Else a host is in a leaf, and the leaf's owner never hears of it."""
    clock = RealClock()
    store = SqliteStore(MEMORY, NOUNS, clock, SqliteOptions(durably=Inline()))
    far = FarStore(store)
    rows = TopologyRows(far, clock)  # type: ignore[arg-type]  # all but one call are the store's
    await rows.start()
    told = asyncio.Event()
    rows.listen(lambda leaves, hosts: told.set())
    seat = HostSeat("host", "", Traits("", "CLOUD", ""))
    await store.commit([Insert(SEATS, seat)])
    await asyncio.wait_for(far.asked.wait(), 10)
    read = await store.find(SEATS, "host")
    assert read is not None
    chosen = HostSeat("host", "leaf", seat.traits, generation=read.generation)
    await store.commit([Update(SEATS, chosen)])
    far.arrive.set()
    while rows.seats.get("host") is None or rows.seats["host"].leaf_id != "leaf":
        told.clear()
        await asyncio.wait_for(told.wait(), 10)
    assert rows.hosts_of("leaf") == {"host"}
    await rows.close()
    await store.close()
