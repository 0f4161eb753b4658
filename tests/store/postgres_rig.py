"""Stores in a private server: each in a schema of its own, which a store knows nothing of."""

from __future__ import annotations

import itertools

from photon.devbox.postgres import PrivatePostgres
from photon.outside.clock import RealClock
from photon.store.postgres.driver import connect
from photon.store.postgres.store import PostgresOptions, PostgresStore
from tests.store.things import NOUNS

_numbers = itertools.count()


async def new_schema(server: PrivatePostgres) -> str:
    """The URL of an empty database, as a store sees it."""
    name = f"test_{next(_numbers)}"
    connection = await connect(server.url())
    await connection.execute(f"CREATE SCHEMA {name}")
    await connection.close(timeout=1)
    return server.url(search_path=name)


async def open_store(url: str, options: PostgresOptions | None = None) -> PostgresStore:
    return await PostgresStore.open(url, NOUNS, RealClock(), options)


class PostgresRig:
    """A schema that is opened again and again."""

    def __init__(self, url: str, store: PostgresStore) -> None:
        self.url = url
        self.store = store

    @classmethod
    async def make(cls, server: PrivatePostgres) -> PostgresRig:
        url = await new_schema(server)
        return cls(url, await open_store(url))

    async def reopen(self) -> PostgresStore:
        await self.store.close()
        self.store = await open_store(self.url)
        return self.store

    async def close(self) -> None:
        await self.store.close()
