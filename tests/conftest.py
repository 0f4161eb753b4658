"""Plumbing that all tests share. Fixtures of one room live in that room's own conftest."""

from __future__ import annotations

import pytest

SLOW_GROUP = "slow"


# First, because xdist reads the groups in this hook too.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts all slow tests on one worker: two real guests at once on two cores would starve."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group(SLOW_GROUP))
