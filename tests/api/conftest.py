"""A fresh API for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.rig import Api


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    """In memory: each commit is done when it is asked for."""
    api = Api(tmp_path)
    await api.open()
    yield api
    await api.close()


@pytest.fixture
async def api_in_file(tmp_path: Path) -> AsyncIterator[Api]:
    """In a file, with commits in a thread: requests overlap as they do in production."""
    api = Api(tmp_path, in_file=True)
    await api.open()
    yield api
    await api.close()
