"""The API with simulated hosts behind it: what duties look after is made through it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.api.cloud_rig import CloudApi


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path)
    await made.open()
    yield made
    await made.close()
