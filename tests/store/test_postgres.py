"""PostgresStore keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from photon.devbox.postgres import PrivatePostgres
from photon.outside.clock import RealClock
from photon.store.postgres.driver import connect
from photon.store.postgres.store import PostgresStore
from tests.store.contract_atomic import AtomicContract
from tests.store.contract_feed import FeedContract
from tests.store.contract_model import SETTINGS, StoreMachine
from tests.store.contract_pages import PageContract
from tests.store.contract_quota import QuotaContract
from tests.store.contract_rows import RowContract
from tests.store.postgres_rig import PostgresRig
from tests.store.things import NOUNS


@pytest.fixture
async def rig(postgres: PrivatePostgres) -> AsyncIterator[PostgresRig]:
    rig = await PostgresRig.make(postgres)
    yield rig
    await rig.close()


class TestRows(RowContract): ...


class TestQuota(QuotaContract): ...


class TestAtomic(AtomicContract): ...


class TestFeed(FeedContract): ...


class TestPages(PageContract): ...


# An example takes five times as long as in memory.
FEWER = settings(SETTINGS, max_examples=25)


class PostgresMachine(StoreMachine):
    """Each example begins with an empty schema."""

    server: PrivatePostgres

    async def open_store(self) -> PostgresStore:
        connection = await connect(self.server.url())
        await connection.execute("DROP SCHEMA IF EXISTS model CASCADE; CREATE SCHEMA model")
        await connection.close(timeout=1)
        url = self.server.url(search_path="model")
        return await PostgresStore.open(url, NOUNS, RealClock())


class TestModel:
    def test_it_does_what_plain_dicts_do(self, postgres: PrivatePostgres) -> None:
        machine = type("Machine", (PostgresMachine,), {"server": postgres})
        run_state_machine_as_test(machine, settings=FEWER)
