"""SqliteStore keeps the contract, in a file and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.outside.clock import RealClock
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.store.contract_atomic import AtomicContract
from tests.store.contract_feed import FeedContract
from tests.store.contract_model import SETTINGS, StoreMachine
from tests.store.contract_pages import PageContract
from tests.store.contract_quota import QuotaContract
from tests.store.contract_rows import RowContract
from tests.store.things import NOUNS


def in_memory() -> SqliteStore:
    return SqliteStore(MEMORY, NOUNS, RealClock(), SqliteOptions(durably=Inline()))


class FileRig:
    """A file that is opened again and again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.store = self._open()

    def _open(self) -> SqliteStore:
        return SqliteStore(str(self._path), NOUNS, RealClock(), SqliteOptions())

    async def reopen(self) -> SqliteStore:
        await self.store.close()
        self.store = self._open()
        return self.store


class MemoryRig:
    """What is in memory cannot be opened again: it stays open."""

    def __init__(self) -> None:
        self.store = in_memory()

    async def reopen(self) -> SqliteStore:
        return self.store


@pytest.fixture(params=["file", "memory"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[FileRig | MemoryRig]:
    rig = FileRig(tmp_path / "store.db") if request.param == "file" else MemoryRig()
    yield rig
    await rig.store.close()


class TestRows(RowContract): ...


class TestQuota(QuotaContract): ...


class TestAtomic(AtomicContract): ...


class TestFeed(FeedContract): ...


class TestPages(PageContract): ...


class SqliteMachine(StoreMachine):
    async def open_store(self) -> SqliteStore:
        return in_memory()


TestModel = SqliteMachine.TestCase
TestModel.settings = SETTINGS
