"""What a controller knows of the deployment's row."""

from __future__ import annotations

import asyncio
from typing import Final, TypeVar

from photon.controller.system_row import SystemRow
from photon.domain.system import System, SystemState
from photon.outside.clock import RealClock
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.errors import StoreUnavailable
from photon.store.nouns import NOUNS, SYSTEM
from photon.store.protocol import Entity, Noun, Update
from photon.store.sqlite import SqliteOptions, SqliteStore

TURNS_MAX: Final = 1_000

E = TypeVar("E", bound=Entity)


class HastyClock(RealClock):
    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class FalteringStore(SqliteStore):
    """Refuses to read the next `failing` times."""

    failing = 0

    async def find(self, noun: Noun[E], id: str) -> E | None:
        if self.failing:
            self.failing -= 1
            raise StoreUnavailable("the store is away")
        return await super().find(noun, id)


async def test_the_end_of_a_pause_is_heard_of_though_the_store_was_away_in_that_moment() -> None:
    store = FalteringStore(MEMORY, NOUNS, HastyClock(), SqliteOptions(durably=Inline()))
    row = SystemRow(store, HastyClock())
    await row.load()
    store.failing = 3
    await store.commit([Update(SYSTEM, System(state=SystemState.PAUSED, generation=1))])
    for _ in range(TURNS_MAX):
        if row.get().state is SystemState.PAUSED:
            break
        await asyncio.sleep(0)
    assert row.get().state is SystemState.PAUSED
    assert store.failing == 0
    row.close()
    await store.close()
