"""A stub that serves, and both clients of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from photon.sdk.client import AsyncClient, Client
from tests.sdk.serving import serving
from tests.sdk.stub import Stub


@pytest.fixture
def stub() -> Stub:
    return Stub()


@pytest.fixture
def target(stub: Stub) -> Iterator[str]:
    with serving(stub) as address:
        yield address


@pytest.fixture
def blocking(target: str) -> Iterator[Client]:
    with Client(target) as client:
        yield client


@pytest_asyncio.fixture
async def client(target: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(target) as client:
        yield client
