"""Of several servers, the one that takes writes is found, whatever the others do."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.devbox.postgres import PrivatePostgres
from photon.store.postgres.connections import connect
from photon.store.postgres.driver import PostgresError
from photon.store.postgres.places import PLACES_MAX, NoneTakesWrites, Place, places_of
from tests.store.postgres_rig import new_schema, open_store
from tests.store.things import THINGS, inserted


@pytest.fixture
def silent() -> Iterator[str]:
    """Takes connections and never says a word, as a frozen server does."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        yield f"127.0.0.1:{door.getsockname()[1]}"


@pytest.fixture
def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return f"127.0.0.1:{door.getsockname()[1]}"


def among(server: PrivatePostgres, *others: str, database: str = "postgres") -> str:
    """The URL of `server`, named after others."""
    places = ",".join([*others, quote(str(server.folder), safe="")])
    return f"postgresql://photon@{places}/{database}"


async def test_one_that_is_frozen_or_dead_holds_nobody_up(
    postgres: PrivatePostgres, silent: str, closed: str
) -> None:
    connection = await connect(among(postgres, silent, closed, silent), "test")
    assert await connection.fetchval("SELECT pg_is_in_recovery()") is False
    await connection.close(timeout=1)


async def test_a_store_works_with_the_one_that_is_left(
    postgres: PrivatePostgres, silent: str, closed: str
) -> None:
    schema = (await new_schema(postgres)).rpartition("=")[2]
    url = among(postgres, closed, silent) + f"?search_path={schema}"
    store = await open_store(url)
    await store.commit(inserted("t1"))
    assert await store.find(THINGS, "t1") is not None
    await store.close()


async def test_one_that_only_reads_is_passed_over(postgres: PrivatePostgres) -> None:
    """As a standby does, or a primary that was demoted."""
    connection = await connect(postgres.url(), "test")
    await connection.execute("CREATE ROLE standby LOGIN SUPERUSER")
    await connection.execute("ALTER ROLE standby SET default_transaction_read_only = on")
    url = among(postgres, quote(str(postgres.folder), safe=""))
    try:
        with pytest.raises(NoneTakesWrites, match="no server takes writes now"):
            await connect(url.replace("photon@", "standby@"), "test")
    finally:
        await connection.execute("DROP ROLE standby")
        await connection.close(timeout=1)


async def test_a_refusal_of_all_is_told_as_it_is(postgres: PrivatePostgres) -> None:
    """To ask again would not help, as it does while there is no primary."""
    again = quote(str(postgres.folder), safe="")
    with pytest.raises(PostgresError) as refused:
        await connect(among(postgres, again, database="nowhere"), "test")
    assert refused.value.sqlstate == "3D000"


async def test_who_is_cancelled_leaves_no_connection(
    postgres: PrivatePostgres, silent: str
) -> None:
    connecting = asyncio.create_task(connect(f"postgresql://photon@{silent},{silent}/x", "test"))
    await asyncio.sleep(0.01)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert asyncio.all_tasks() == {asyncio.current_task()}


def test_places_are_read_as_they_are_written() -> None:
    url = "postgresql://me:p%40ss@db1:5433,10.0.0.2,[fe80::1]:5434/photon?sslmode=verify-full"
    assert places_of(url) == [Place("db1", 5433), Place("10.0.0.2", None), Place("fe80::1", 5434)]
    assert places_of("postgresql://me@/photon?host=/run/postgresql") == []
    assert places_of("postgresql://%2Frun%2Fpg/photon") == [Place("/run/pg", None)]


@pytest.mark.parametrize("servers", ["a:x", "a,,b", "a:0", "a:65536", "a:5432,", ":5432"])
def test_what_is_no_list_of_servers_is_refused(servers: str) -> None:
    with pytest.raises(ValueError, match="is not HOST or HOST:PORT"):
        places_of(f"postgresql://me@{servers}/photon")


def test_there_is_an_end_to_servers() -> None:
    with pytest.raises(ValueError, match=f"{PLACES_MAX + 1} servers"):
        places_of("postgresql://" + ",".join(["a"] * (PLACES_MAX + 1)) + "/photon")


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        places = places_of(f"postgresql://{re.sub('[/?#]', '', text)}/photon")
    except ValueError:
        return
    assert all(place.host for place in places)
