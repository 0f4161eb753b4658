"""SqliteStore keeps the contract, in a file and in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.outside.clock import RealClock
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.store import contract
from tests.store.things import NOUNS


class SqliteRig:
    """A file that is opened again and again. In memory: one store that stays open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.store = self._open()

    def _open(self) -> SqliteStore:
        return SqliteStore(str(self._path), NOUNS, RealClock(), SqliteOptions())

    async def reopen(self) -> SqliteStore:
        await self.store.close()
        self.store = self._open()
        return self.store


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[SqliteRig]:
    rig = SqliteRig(tmp_path / "store.db")
    yield rig
    await rig.store.close()


class TestRows(contract.RowContract): ...


class TestQuota(contract.QuotaContract): ...


class TestAtomic(contract.AtomicContract): ...


class TestFeed(contract.FeedContract): ...
