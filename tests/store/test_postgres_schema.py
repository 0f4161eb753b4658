"""The schema in PostgreSQL: made or migrated it is one, and every list has its index."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from photon.devbox.postgres import PrivatePostgres, binaries
from photon.outside.clock import RealClock
from photon.store.errors import SchemaTooNew, SchemaTooOld, StoreInUse, StoreNotReached
from photon.store.migrate import HISTORY
from photon.store.nouns import NOUNS
from photon.store.postgres.connections import connect as connect_as_store
from photon.store.postgres.connections import without_password
from photon.store.postgres.driver import Connection, PostgresError, connect
from photon.store.postgres.migrate import check, migration_script, prepare, upgrade
from photon.store.postgres.shapes import Shape
from photon.store.postgres.store import PostgresStore
from photon.store.protocol import Noun, Where
from tests.store.postgres_rig import new_schema
from tests.store.test_schema import LISTS, SORTED, with_a_second


@pytest.fixture
async def url(postgres: PrivatePostgres) -> str:
    return await new_schema(postgres)


@pytest.fixture
async def connection(url: str) -> AsyncIterator[Connection]:
    connection = await connect(url)
    yield connection
    await connection.close(timeout=1)


def schema(server: PrivatePostgres, url: str) -> str:
    """All that was created in a schema, as the server's own tool writes it down."""
    name = url.rpartition("=")[2]
    dump = [str(binaries() / "pg_dump"), "--schema-only", "--no-owner", f"--schema={name}"]
    done = subprocess.run([*dump, server.url()], capture_output=True, text=True, check=True)
    # The tool writes a new word of its own into each dump.
    lines = [line for line in done.stdout.splitlines() if "restrict" not in line]
    return "\n".join(lines).replace(name, "SCHEMA")


async def test_migrating_and_creating_lead_to_one_schema(
    postgres: PrivatePostgres, url: str, connection: Connection
) -> None:
    await prepare(connection, NOUNS)
    other = await new_schema(postgres)
    migrating = await connect(other)
    await migrating.execute(migration_script(HISTORY, None))
    assert await migrating.fetch("SELECT * FROM feed") == await connection.fetch(
        "SELECT * FROM feed"
    )
    await check(migrating)
    await migrating.close(timeout=1)
    created = await asyncio.to_thread(schema, postgres, url)
    assert created == await asyncio.to_thread(schema, postgres, other)
    assert created.count("CREATE TABLE") == len(NOUNS) + 5


async def test_controllers_that_start_together_make_one_store(url: str) -> None:
    opened = await asyncio.gather(*[PostgresStore.open(url, NOUNS, RealClock()) for _ in range(4)])
    assert {await store.revision() for store in opened} == {0}
    for store in opened:
        await store.close()


async def test_an_older_store_is_migrated_by_command_and_keeps_its_rows(
    url: str, connection: Connection, tmp_path: Path
) -> None:
    later = with_a_second(tmp_path)
    await prepare(connection, NOUNS)
    await connection.execute("INSERT INTO tenants VALUES ('t1', 1, 1, 'acme', '{}')")
    with pytest.raises(SchemaTooOld, match="photon store migrate"):
        await check(connection, later)
    assert await upgrade(connection, later) == ("0001", "0002")
    assert await connection.fetchval("SELECT name FROM tenants") == "acme"
    assert await connection.fetchval("SELECT count(*) FROM later") == 0
    await check(connection, later)
    assert await upgrade(connection, later) == ("0002", "0002")


async def test_a_migration_that_fails_leaves_the_old_schema_whole(
    postgres: PrivatePostgres, url: str, connection: Connection, tmp_path: Path
) -> None:
    await prepare(connection, NOUNS)
    before = await asyncio.to_thread(schema, postgres, url)
    later = with_a_second(tmp_path, 'op.execute("SELECT 1 / 0")')
    with pytest.raises(PostgresError, match="division by zero"):
        await upgrade(connection, later)
    await check(connection)
    assert await asyncio.to_thread(schema, postgres, url) == before


async def test_a_store_that_is_in_use_is_not_migrated(
    url: str, connection: Connection, tmp_path: Path
) -> None:
    store = await PostgresStore.open(url, NOUNS, RealClock())
    later = with_a_second(tmp_path)
    with pytest.raises(StoreInUse, match="Stop every one"):
        await upgrade(connection, later)
    await store.close()
    await upgrade(connection, later)


@pytest.mark.parametrize(("version", "refusal"), [("9999", SchemaTooNew), ("0000", SchemaTooNew)])
async def test_a_store_of_another_release_is_refused(
    url: str, connection: Connection, version: str, refusal: type[Exception]
) -> None:
    await prepare(connection, NOUNS)
    await connection.execute("UPDATE alembic_version SET version_num = $1", version)
    with pytest.raises(refusal, match=version):
        await PostgresStore.open(url, NOUNS, RealClock())


async def test_who_cannot_be_reached_is_named_without_the_password(
    postgres: PrivatePostgres,
) -> None:
    url = f"postgresql://photon:secret@/nowhere?host={postgres.folder}"
    with pytest.raises(StoreNotReached, match=r'photon@/nowhere.*"nowhere" does not exist') as told:
        await PostgresStore.open(url, NOUNS, RealClock())
    assert "secret" not in str(told.value)
    assert without_password("postgresql://u:p@a:1,b:2/d?x=1") == "postgresql://u@a:1,b:2/d?x=1"


@pytest.fixture(scope="module")
def plans(postgres: PrivatePostgres) -> dict[str, str]:
    """The plan of every list, as a store's own connections make it."""

    async def explain() -> dict[str, str]:
        url = await new_schema(postgres)
        connection = await connect_as_store(url, "test")
        await prepare(connection, NOUNS)
        found = {}
        for noun, where in LISTS + SORTED:
            for back in (False, True):
                sql, values = Shape(noun, 1).page(where, "x", limit=10, back=back)
                # Not a plan for this page, but the one for all.
                await connection.execute(f"PREPARE listing AS {sql}")
                nulls = ", ".join("NULL" for _ in values)
                rows = await connection.fetch(f"EXPLAIN EXECUTE listing({nulls})")
                await connection.execute("DEALLOCATE listing")
                found[f"{noun} {where} {back}"] = "\n".join(row[0] for row in rows)
        await connection.close(timeout=1)
        return found

    return asyncio.run(explain())


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize(("noun", "where"), LISTS + SORTED, ids=str)
def test_a_list_reads_its_rows_from_an_index_in_order(
    plans: dict[str, str], noun: Noun[Any], where: Where, *, back: bool
) -> None:
    plan = plans[f"{noun} {where} {back}"]
    assert "Index" in plan, plan
    assert f"Seq Scan on {noun.name}" not in plan, plan
    one_row = any(set(key) <= where.keys() for key in noun.unique)
    assert "Sort" not in plan or one_row or (noun, where) in SORTED, plan
    # By id alone a filter would look at every row.
    assert not where or f"{noun.name}_pkey" not in plan, plan
