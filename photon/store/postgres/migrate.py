"""Brings a PostgreSQL store's schema to what this release needs.

A new store is made by whoever opens it first. An older one is migrated by `photon store migrate`
alone, while no controller uses it: those of the older release could not speak to it any more.
"""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from sqlalchemy.dialects.postgresql.base import PGDialect

from photon.store.errors import SchemaTooNew, SchemaTooOld, StoreInUse
from photon.store.migrate import HISTORY, History, statements_for
from photon.store.postgres.driver import Connection
from photon.store.protocol import Noun
from photon.store.schema import metadata_of

# First key of our advisory locks; the second is 0, or the number of this store's own table.
LOCK_CLASS: Final = 0x50484F54

_DIALECT: Final = PGDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left this one out.
_MAKING: Final = "SELECT pg_advisory_xact_lock($1, 0)"
_ALONE: Final = "SELECT pg_try_advisory_lock($1, 'feed'::regclass::oid::integer)"
_NOT_ALONE: Final = "SELECT pg_advisory_unlock($1, 'feed'::regclass::oid::integer)"
_HAS_VERSION: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"
_VERSION: Final = "SELECT version_num FROM alembic_version"


async def prepare(connection: Connection, nouns: Sequence[Noun[Any]]) -> None:
    """Creates the store, if there is none, or makes sure that it is of this release.

    Raises:
        SchemaTooOld, SchemaTooNew: it is not. Nothing was changed.
    """
    async with connection.transaction():
        await connection.execute(_MAKING, LOCK_CLASS)  # Controllers that start together wait.
        if await connection.fetchval(_HAS_VERSION):
            await check(connection)
        else:
            await connection.execute(create_script(nouns))


async def check(connection: Connection, history: History = HISTORY) -> None:
    """Raises SchemaTooOld or SchemaTooNew."""
    found, newest = await connection.fetchval(_VERSION), history.schemas[-1]
    if found not in history.schemas:
        raise SchemaTooNew(str(found), newest)
    if found != newest:
        raise SchemaTooOld(str(found), newest)


@asynccontextmanager
async def alone(connection: Connection) -> AsyncIterator[None]:
    """Nobody else has the store open meanwhile. Raises StoreInUse when somebody has."""
    if not await connection.fetchval(_ALONE, LOCK_CLASS):
        raise StoreInUse("Controllers use this store. Stop every one of them, then try again.")
    try:
        yield
    finally:
        if not connection.is_closed():
            await connection.fetchval(_NOT_ALONE, LOCK_CLASS)


async def upgrade(connection: Connection, history: History = HISTORY) -> tuple[str, str]:
    """Runs the migrations that are missing, all in one transaction; the schema before and after.

    Raises:
        StoreInUse: a controller has the store open.
        SchemaTooNew: a newer release wrote it.
    """
    newest = history.schemas[-1]
    async with alone(connection):
        found = await connection.fetchval(_VERSION)
        if found not in history.schemas:
            raise SchemaTooNew(str(found), newest)
        if found != newest:
            async with connection.transaction():
                await connection.execute(migration_script(history, found))
    return found, newest


def create_script(nouns: Sequence[Noun[Any]]) -> str:
    """The SQL that makes a new store."""
    made = statements_for(_DIALECT, metadata_of(nouns, writers=True))
    made += [
        "INSERT INTO feed (one, revision, trimmed) VALUES (1, 0, 0)",
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
        " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))",
        f"INSERT INTO alembic_version VALUES ('{HISTORY.schemas[-1]}')",  # noqa: S608  # our own name
    ]
    return ";\n".join(made)


def migration_script(history: History, found: str | None) -> str:
    """The SQL that leads from schema `found` (None: from nothing) to the newest."""
    import alembic.command
    import alembic.config

    script = io.StringIO()
    config = alembic.config.Config(output_buffer=script)
    config.set_main_option("script_location", str(history.migrations))
    alembic.command.upgrade(config, f"{found or 'base'}:head", sql=True)
    return script.getvalue()
