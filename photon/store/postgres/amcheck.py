"""What PostgreSQL's own checker finds in the tables and indexes of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from photon.store.postgres.driver import Connection, PostgresError
from photon.store.postgres.snapshot import connected

_SCHEMA_OF_AMCHECK: Final = (
    "SELECT nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace"
    " WHERE extname = 'amcheck'"
)
_INDEXES: Final = (
    "SELECT i.indexrelid::bigint AS oid, i.indexrelid::regclass::text AS name FROM pg_index i"
    " JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam"
    " WHERE c.relnamespace = current_schema()::regnamespace AND a.amname = 'btree'"
    " AND i.indisvalid ORDER BY 2"
)
_TABLES: Final = (
    "SELECT oid::bigint AS oid, oid::regclass::text AS name FROM pg_class"
    " WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' ORDER BY 2"
)
_DENIED: Final = "42501"  # insufficient_privilege
_LINES_A_TABLE_MAX: Final = 10  # Of more, the first say what is wrong.


@dataclass
class EngineWord:
    """`findings` are what is wrong; `note` says why it did not look, if so."""

    findings: list[str] = field(default_factory=list)
    note: str = ""


async def amchecked(url: str) -> EngineWord:
    """Reads every table and every index entry. Controllers may go on meanwhile.

    Raises:
        StoreNotReached.
    """
    word = EngineWord()
    async with connected(url) as connection:
        schema = await connection.fetchval(_SCHEMA_OF_AMCHECK)
        if schema is None:
            word.note = (
                "PostgreSQL's own files were not checked: CREATE EXTENSION amcheck, as a "
                "superuser, lets this command do it"
            )
            return word
        try:
            await _look(connection, f'"{schema}"', word)
        except PostgresError as problem:
            if problem.sqlstate != _DENIED:
                raise
            word.note = (
                f"PostgreSQL's own files were not checked: {problem}; grant this role EXECUTE on "
                "bt_index_check and verify_heapam, or check as a superuser"
            )
    return word


async def _look(connection: Connection, schema: str, word: EngineWord) -> None:
    index_check = f"SELECT {schema}.bt_index_check($1::bigint::oid::regclass, true)"
    table_check = f"SELECT blkno, msg FROM {schema}.verify_heapam($1::bigint::oid::regclass)"  # noqa: S608  # the name is the catalog's
    for row in await connection.fetch(_INDEXES):
        try:
            await connection.execute(index_check, row["oid"])
        except PostgresError as problem:
            if problem.sqlstate == _DENIED:
                raise
            word.findings.append(f"index {row['name']}: {problem}")
    for row in await connection.fetch(_TABLES):
        for one in await connection.fetch(f"{table_check} LIMIT {_LINES_A_TABLE_MAX}", row["oid"]):
            word.findings.append(f"table {row['name']}, block {one['blkno']}: {one['msg']}")
