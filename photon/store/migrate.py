"""Brings a store's schema to what this release needs, before anybody uses it.

A new store is made from the nouns at once. An older one goes through the alembic migrations in
`migrations/`; a test proves that both ways lead to the same schema.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import MetaData
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from photon.store.errors import SchemaTooNew
from photon.store.protocol import Noun
from photon.store.schema import metadata_of


@dataclass(frozen=True, slots=True)
class History:
    """Where the migrations are, and the name of every one, oldest first."""

    migrations: Path
    schemas: tuple[str, ...]


HISTORY: Final = History(Path(__file__).parent / "migrations", ("0001",))

_HAS_VERSION: Final = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
_VERSION: Final = "SELECT version_num FROM alembic_version"


def prepare(
    connection: sqlite3.Connection,
    path: str,
    nouns: Iterable[Noun[Any]],
    history: History = HISTORY,
) -> None:
    """Creates or migrates the store at `path`, which `connection` has open.

    Raises:
        SchemaTooNew: a newer release wrote it. Nothing was changed.
    """
    found, newest = _version(connection), history.schemas[-1]
    if found is None:
        _create(connection, nouns, newest)
    elif found not in history.schemas:
        raise SchemaTooNew(found, newest)
    elif found != newest:
        upgrade(path, history)


@lru_cache(maxsize=4)  # Simulations make thousands of stores of the same nouns.
def create_statements(nouns: tuple[Noun[Any], ...]) -> list[str]:
    """The SQL that makes a new SQLite store's tables and indexes."""
    return statements_for(sqlite.dialect(), metadata_of(nouns))


def statements_for(dialect: Dialect, metadata: MetaData) -> list[str]:
    made: list[CreateTable | CreateIndex] = []
    for table in metadata.sorted_tables:
        made.append(CreateTable(table))
        made += [CreateIndex(i) for i in sorted(table.indexes, key=lambda index: str(index.name))]
    return [str(statement.compile(dialect=dialect)) for statement in made]


def upgrade(path: str, history: History = HISTORY) -> None:
    """Runs the migrations that are missing, all in one transaction."""
    # Only a store of an older release needs alembic: others start without loading it.
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", str(history.migrations))
    config.attributes["path"] = path
    alembic.command.upgrade(config, "head")


def _version(connection: sqlite3.Connection) -> str | None:
    if connection.execute(_HAS_VERSION).fetchone() is None:
        return None
    row = connection.execute(_VERSION).fetchone()
    return None if row is None else str(row[0])


def _create(connection: sqlite3.Connection, nouns: Iterable[Noun[Any]], schema: str) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in create_statements(tuple(nouns)):
        connection.execute(statement)
    connection.execute("INSERT INTO feed (one, revision, trimmed) VALUES (1, 0, 0)")
    connection.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
        " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (schema,))
    connection.execute("COMMIT")
