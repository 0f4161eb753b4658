"""The deployment's row, as this process last heard of it: what the pause gate asks every time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from photon.domain.system import SYSTEM_ID, System, SystemState
from photon.store.errors import AlreadyExists
from photon.store.nouns import SYSTEM
from photon.store.protocol import Change, CloudStore, Insert


class SystemRow:
    """Made anew by the change feed: the row is read again whenever it changed."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self._row = System()
        self._reading: set[asyncio.Task[None]] = set()
        self._unsubscribe = store.subscribe(self._heard)

    async def load(self) -> None:
        """Reads the row, which the first controller of a deployment makes."""
        with suppress(AlreadyExists):
            await self._store.commit([Insert(SYSTEM, System())])
        await self._read()

    def get(self) -> System:
        return self._row

    def background_rests(self) -> bool:
        return self._row.state is not SystemState.READY

    async def _read(self) -> None:
        row = await self._store.find(SYSTEM, SYSTEM_ID)
        if row is not None and row.generation > self._row.generation:
            self._row = row

    def _heard(self, changes: Sequence[Change]) -> None:
        if any(change.noun == SYSTEM.name for change in changes):
            reading = asyncio.ensure_future(self._read())
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)

    def close(self) -> None:
        self._unsubscribe()
