"""Who may speak with the PostgreSQL of such a cloud, and how."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.devbox.ha import postgres
from photon.devbox.ha.secrets import make_authority
from photon.store.checking import Check
from photon.store.nouns import NOUNS
from photon.store.postgres.connections import connect
from photon.store.postgres.driver import PostgresError
from photon.store.postgres.places import NoneTakesWrites
from photon.storekeeper import doors
from tests.ha.conftest import Running

pytestmark = [pytest.mark.slow]


async def test_a_connection_is_encrypted_and_leads_to_the_primary(running: Running) -> None:
    connection = await connect(postgres.store_url(running.cloud.layout), "test")
    rows = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid() AND NOT pg_is_in_recovery()"
    assert await connection.fetchval(rows) is True
    await connection.close(timeout=1)


async def test_nobody_speaks_with_it_without_tls_or_the_password(running: Running) -> None:
    url = postgres.store_url(running.cloud.layout)
    plain = url.partition("?")[0] + "?sslmode=disable"
    for refused, state in ((plain, "28000"), (url.replace("photon:", "photon:x", 1), "28P01")):
        with pytest.raises(PostgresError) as caught:
            await connect(refused, "test")
        assert caught.value.sqlstate == state


async def test_a_server_that_shows_another_authority_is_not_believed(
    running: Running, tmp_path: Path
) -> None:
    url, own = postgres.store_url(running.cloud.layout), str(running.cloud.layout.ca_file)
    other = tmp_path / "ca.pem"
    make_authority(other)
    with pytest.raises(NoneTakesWrites, match="certificate verify failed"):
        await connect(url.replace(own, str(other)), "test")


async def test_the_storekeeper_finds_the_primary_too(running: Running) -> None:
    check = Check()
    async with doors.reading(postgres.store_url(running.cloud.layout)) as snapshot:
        await check.run(snapshot, NOUNS, lambda rows: None)
    assert check.findings == []
    assert sum(check.counts.values()) > 0
