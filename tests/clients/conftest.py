"""One cloud for all of this room's tests: each makes its own things in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.cloud import World, running


# First, because xdist reads the groups in this hook too.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker for this room, so that there is one cloud."""
    for item in items:
        if "tests/clients/" in item.nodeid:
            item.add_marker(pytest.mark.xdist_group("clients"))


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud
