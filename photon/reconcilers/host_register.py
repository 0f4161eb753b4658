"""Writes down which hosts are MISSING: many at once, because they go and come back by the agent.

Only transitions are written, and only in rows of their own (`MISSING_HOSTS`): a host's own row is
its sagas', whose plans name its generation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from typing import Final

from photon.domain.missing_host import MissingHost
from photon.outside.clock import Clock
from photon.reconcilers.warrant import NOUNS_OF_WARRANTS, Warrant, together, unwarranted
from photon.store.errors import RequirementFailed, StoreBusy, StoreConflict, StoreUnavailable
from photon.store.nouns import DEBTS, HOSTS, MISSING_HOSTS
from photon.store.protocol import CloudStore, Insert, Reap, Require, Write

# Three writes each and one a leaf, less than a write-set may have: other work goes on in between.
HOSTS_A_SET_MAX: Final = 250
STORE_PAUSE_SECONDS: Final = 1.0  # A store that is away is asked again this often.
WHY_LENGTH_MAX: Final = 300  # A sentence; an agent may answer with a page.

log = logging.getLogger(__name__)


class HostRegister:
    def __init__(self, store: CloudStore, clock: Clock, warrant: Warrant = unwarranted) -> None:
        self._store = store
        self.warrant = warrant
        self._clock = clock
        self._lost: dict[str, MissingHost] = {}  # not written yet
        self._writing = asyncio.Lock()
        self._flushing: asyncio.Task[None] | None = None

    def lost(self, hosts: Iterable[str], why: str) -> None:
        """They are MISSING from now on; it is written soon, however long the store is away."""
        now = self._clock.now_ms()
        for host_id in hosts:
            self._lost[host_id] = MissingHost(host_id, now, why[:WHY_LENGTH_MAX])
        if self._lost and (self._flushing is None or self._flushing.done()):
            self._flushing = asyncio.create_task(self._flush(), name="hosts-lost")

    async def found(self, hosts: Sequence[str]) -> list[str]:
        """Those of `hosts` that are MISSING no more, durably. One with a debt stays so.

        At most HOSTS_A_SET_MAX at once.
        """
        async with self._writing:
            for host_id in hosts:
                self._lost.pop(host_id, None)
            reaped = await self._reap(hosts)
            left = await self._store.find_many(MISSING_HOSTS, reaped)
        debtors = {row.id for row in left}
        return [id for id in reaped if id not in debtors]

    async def _reap(self, hosts: Sequence[str]) -> list[str]:
        """Those of `hosts` for which this controller may speak; of the others nothing is said."""
        warrants = {id: warrant for id in hosts if (warrant := self.warrant(id)) is not None}
        reaps = [Reap(MISSING_HOSTS, id, {}, ((DEBTS, {"host_id": id}),)) for id in warrants]
        if not reaps:
            return []
        try:
            await self._store.commit([*together(warrants.values()), *reaps])
        except StoreConflict as conflict:
            if len(hosts) == 1:
                log.info("host %s is not said to be back: %s", hosts[0], conflict)
                return []
            half = len(hosts) // 2
            return [*await self._reap(hosts[:half]), *await self._reap(hosts[half:])]
        return list(warrants)

    async def close(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            await asyncio.gather(self._flushing, return_exceptions=True)

    async def _flush(self) -> None:
        while self._lost:
            async with self._writing:
                part = list(self._lost.values())[:HOSTS_A_SET_MAX]
                try:
                    written = await self._write(part)
                except (StoreBusy, StoreUnavailable) as problem:
                    log.warning("%d missing hosts are not written yet: %s", len(part), problem)
                    written = []
                for row in written:
                    if self._lost.get(row.id) is row:
                        del self._lost[row.id]
            if len(written) < len(part):
                await self._clock.sleep(STORE_PAUSE_SECONDS)

    async def _write(self, rows: Sequence[MissingHost]) -> list[MissingHost]:
        """Each of them, but those that are known to be MISSING, those that were removed, and those
        that are another controller's now. Answers all of which nothing is left to be written."""
        warrants = [warrant for row in rows if (warrant := self.warrant(row.id)) is not None]
        writes: list[Write] = [*together(warrants)]
        for row in rows:
            if self.warrant(row.id) is not None:
                writes += (Require(HOSTS, row.id), Insert(MISSING_HOSTS, row))
        try:
            if warrants:
                await self._store.commit(writes)
        except StoreConflict as conflict:
            if len(rows) > 1:
                half = len(rows) // 2
                return [*await self._write(rows[:half]), *await self._write(rows[half:])]
            log.info("host %s was not written as missing: %s", rows[0].id, conflict)
            # Its leaf is changing hands: as soon as that was followed, it is clear whose it is.
            of_leaf = isinstance(conflict, RequirementFailed) and conflict.noun in NOUNS_OF_WARRANTS
            return [] if of_leaf else list(rows)
        return list(rows)
