"""Keeps the scheduler's knowledge of groups true: which VMs are members of which.

Guests carry no groups, so no host tells them. All rows are read before anything is placed, then the
change feed is followed; now and then all are read once more, for what a feed may have lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final, Protocol

from photon.domain.membership import Membership
from photon.outside.clock import Clock
from photon.store.nouns import MEMBERSHIPS
from photon.store.protocol import PAGE_SIZE_MAX, Change, CloudStore

RETRY_SECONDS: Final = 1.0  # The store is away: soon, but not at once.
# A row that was missed is one VM too many in a zone at worst; all rows are half a second of work
# for each hundred thousand.
GROUPS_SECONDS: Final = 600.0

log = logging.getLogger(__name__)


class GroupBeliever(Protocol):
    """The scheduler tree, as this duty sees it."""

    def tell_groups(self, vm_id: str, keys: frozenset[str], host_id: str | None) -> None: ...
    def forget_groups(self, vm_id: str) -> None: ...
    def grouped(self) -> Collection[str]: ...


class GroupWatch:
    def __init__(self, store: CloudStore, believer: GroupBeliever, clock: Clock) -> None:
        self._store = store
        self._believer = believer
        self._clock = clock
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """All members are known when this returns."""
        self._unsubscribe = self._store.subscribe(self._heard)
        await self.once()
        self._following = asyncio.create_task(self._follow(), name="group-watch")

    async def close(self) -> None:
        self._unsubscribe()
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)

    async def once(self) -> None:
        """Reads every row, page by page, and forgets the VMs that have none any more."""
        before = set(self._believer.grouped())
        after: str | None = None
        while True:
            page = await self._store.page(MEMBERSHIPS, {}, limit=PAGE_SIZE_MAX, after=after)
            for row in page.items:
                self._tell(row)
                before.discard(row.id)
            if not page.more:
                break
            after = page.items[-1].id
        await self._look(before)

    def _heard(self, changes: Sequence[Change]) -> None:
        changed = [change.id for change in changes if change.noun == MEMBERSHIPS.name]
        if changed:
            self._changed.update(changed)
            self._wake.set()

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            try:
                await self._look(changed)
            except Exception:  # Nobody else follows these rows: they are read again.
                log.exception("%d VMs' groups were not followed; they are again", len(changed))
                self._changed |= changed
                self._wake.set()
                await self._clock.sleep(RETRY_SECONDS)

    async def _look(self, vm_ids: Collection[str]) -> None:
        ids = list(vm_ids)
        for start in range(0, len(ids), PAGE_SIZE_MAX):
            some = ids[start : start + PAGE_SIZE_MAX]
            rows = {row.id: row for row in await self._store.find_many(MEMBERSHIPS, some)}
            for vm_id in some:
                row = rows.get(vm_id)
                if row is None:
                    self._believer.forget_groups(vm_id)
                else:
                    self._tell(row)

    def _tell(self, row: Membership) -> None:
        self._believer.tell_groups(row.id, frozenset(row.keys), row.host_id)
