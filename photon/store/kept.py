"""Reads that nearly every request makes, kept until the change feed says that they are old.

For nouns that are read often and change rarely: projects, flavors, images, subnets. What is kept
may still be old where the feed comes late (another controller's change): so whoever decides on it
names it in a `Require`, and asks for `forget` when that fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from photon.store.protocol import Change, CloudStore, Entity, Noun, Where

KEPT_MAX: Final = 10_000  # Of each noun, about 1 KiB each; then it begins anew.

E = TypeVar("E", bound=Entity)


class KeptReads:
    def __init__(self, store: CloudStore, nouns: Sequence[Noun[Any]]) -> None:
        self._store = store
        self._kept: dict[str, dict[object, Any]] = {noun.name: {} for noun in nouns}
        self._changes: dict[str, int] = {noun.name: 0 for noun in nouns}
        self._unsubscribe = store.subscribe(self._heard)

    async def find(self, noun: Noun[E], id: str) -> E | None:
        """As the store's; what is not there is not kept."""
        kept = self._kept[noun.name]
        known: E | None = kept.get(id)
        if known is None:
            seen = self._changes[noun.name]
            known = await self._store.find(noun, id)
            self._keep(noun, id, known, seen)
        return known

    async def first(self, noun: Noun[E], where: Where) -> E | None:
        """The first row, by id, that matches."""
        key = tuple(where.items())
        known: E | None = self._kept[noun.name].get(key)
        if known is None:
            seen = self._changes[noun.name]
            page = await self._store.page(noun, where, limit=1)
            known = page.items[0] if page.items else None
            self._keep(noun, key, known, seen)
        return known

    def forget(self) -> None:
        """Reads everything anew from now on."""
        for name in self._kept:
            self._drop(name)

    def close(self) -> None:
        self._unsubscribe()

    def _keep(self, noun: Noun[E], key: object, entity: E | None, seen: int) -> None:
        # A change that was heard of during the read may be newer than what was read.
        if entity is None or self._changes[noun.name] != seen:
            return
        kept = self._kept[noun.name]
        if len(kept) >= KEPT_MAX:
            kept.clear()
        kept[key] = entity

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.noun in self._kept:
                self._drop(change.noun)

    def _drop(self, name: str) -> None:
        self._kept[name].clear()
        self._changes[name] += 1
