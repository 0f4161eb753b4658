"""Opens a CloudStore by what names it: a path is SQLite's, a URL PostgreSQL's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from photon.outside.clock import Clock
from photon.store.protocol import CloudStore, Noun
from photon.store.sqlite import SqliteOptions, SqliteStore

SCHEMES: Final = ("postgresql://", "postgres://")


def is_shared(where: str) -> bool:
    """Whether the store so named is one that several processes may have open."""
    return where.startswith(SCHEMES)


async def open_store(where: str, nouns: Sequence[Noun[Any]], clock: Clock) -> CloudStore:
    """The store in a PostgreSQL database (a URL), or in a SQLite file (a path); made if need be.

    Raises:
        StoreNotOpened: one of its kinds, whose text tells an operator what to do.
    """
    if is_shared(where):
        # Only here: an embedded store starts without loading it.
        from photon.store.postgres.store import PostgresStore

        return await PostgresStore.open(where, nouns, clock)
    return SqliteStore(where, nouns, clock, SqliteOptions())
