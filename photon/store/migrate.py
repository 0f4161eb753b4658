"""Brings a store's schema to what this release needs, before anybody uses it.

A new store is made from the nouns at once. An older one goes through the alembic migrations in
`migrations/`; a test proves that both ways lead to the same schema.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from photon.store.errors import SchemaTooNew
from photon.store.protocol import Noun
from photon.store.schema import metadata_of

MIGRATIONS: Final = Path(__file__).parent / "migrations"
SCHEMAS: Final = ("0001",)  # Every migration there is, oldest first.

_HAS_VERSION: Final = "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
_VERSION: Final = "SELECT version_num FROM alembic_version"


def prepare(connection: sqlite3.Connection, path: str, nouns: Iterable[Noun[Any]]) -> None:
    """Creates or migrates the store at `path`, which `connection` has open.

    Raises:
        SchemaTooNew: a newer release wrote it. Nothing was changed.
    """
    found = _version(connection)
    if found is None:
        _create(connection, nouns)
    elif found not in SCHEMAS:
        raise SchemaTooNew(found, SCHEMAS[-1])
    elif found != SCHEMAS[-1]:
        upgrade(path)


def create_statements(nouns: Iterable[Noun[Any]]) -> list[str]:
    """The SQL that makes a new store's tables and indexes."""
    dialect = sqlite.dialect()
    made: list[CreateTable | CreateIndex] = []
    for table in metadata_of(nouns).sorted_tables:
        made.append(CreateTable(table))
        made += [CreateIndex(i) for i in sorted(table.indexes, key=lambda index: str(index.name))]
    return [str(statement.compile(dialect=dialect)) for statement in made]


def upgrade(path: str, *, to: str = "head") -> None:
    """Runs the migrations that are missing, all in one transaction."""
    # Only a store of an older release needs alembic: others start without loading it.
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["path"] = path
    alembic.command.upgrade(config, to)


def _version(connection: sqlite3.Connection) -> str | None:
    if connection.execute(_HAS_VERSION).fetchone() is None:
        return None
    row = connection.execute(_VERSION).fetchone()
    return None if row is None else str(row[0])


def _create(connection: sqlite3.Connection, nouns: Iterable[Noun[Any]]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in create_statements(nouns):
        connection.execute(statement)
    connection.execute("INSERT INTO feed (one, revision, trimmed) VALUES (1, 0, 0)")
    connection.execute(
        "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL,"
        " CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
    )
    connection.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (SCHEMAS[-1],))
    connection.execute("COMMIT")
