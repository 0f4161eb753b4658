"""The deployment's row, as this process last heard of it: what the pause gate asks every time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from photon.domain.system import SYSTEM_ID, System, SystemState
from photon.outside.clock import Clock
from photon.store.errors import AlreadyExists, StoreBusy, StoreUnavailable
from photon.store.nouns import SYSTEM
from photon.store.protocol import Change, CloudStore, Insert

AGAIN_SECONDS: Final = 1.0  # Reads are cheap, and an operator waits for what this one tells.

log = logging.getLogger(__name__)


class SystemRow:
    """Made anew by the change feed: the row is read again whenever it changed, until that succeeds:
    who missed the end of a pause would refuse all changes until the next one."""

    def __init__(self, store: CloudStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
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
            reading = asyncio.ensure_future(self._read_until_it_answers())
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)

    async def _read_until_it_answers(self) -> None:
        while True:
            try:
                await self._read()
                return
            except (StoreBusy, StoreUnavailable) as problem:
                log.warning("the system's row is not known anew yet: %s", problem)
                await self._clock.sleep(AGAIN_SECONDS)

    def close(self) -> None:
        self._unsubscribe()
        for reading in self._reading:  # any order: all are cancelled before one of them runs
            reading.cancel()
