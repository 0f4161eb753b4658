"""Which hosts are MISSING, as the change feed last told it: for views, which ask of every VM."""

from __future__ import annotations

from collections.abc import Sequence

from photon.store.nouns import MISSING_HOSTS
from photon.store.protocol import PAGE_SIZE_MAX, Change, CloudStore


class MissingHosts:
    """`load` comes first. Kept whole: a set of ids is small, and mostly empty."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self._ids: set[str] | None = None
        self._heard_of: dict[str, bool] = {}  # while it is being loaded
        self._unsubscribe = store.subscribe(self._heard)

    async def load(self) -> MissingHosts:
        """Itself, ready to be asked; only the first call reads."""
        if self._ids is not None:
            return self
        ids: set[str] = set()
        after: str | None = None
        while True:
            page = await self._store.page(MISSING_HOSTS, {}, limit=PAGE_SIZE_MAX, after=after)
            ids |= {row.id for row in page.items}
            if not page.more:
                break
            after = page.items[-1].id
        ids |= {id for id, missing in self._heard_of.items() if missing}
        ids -= {id for id, missing in self._heard_of.items() if not missing}
        self._ids = ids
        return self

    def __contains__(self, host_id: object) -> bool:
        assert self._ids is not None, "loaded first"
        return host_id in self._ids

    def __len__(self) -> int:
        assert self._ids is not None, "loaded first"
        return len(self._ids)

    def close(self) -> None:
        self._unsubscribe()

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.noun != MISSING_HOSTS.name:
                continue
            if self._ids is None:
                self._heard_of[change.id] = bool(change.generation)
            elif change.generation:
                self._ids.add(change.id)
            else:
                self._ids.discard(change.id)
