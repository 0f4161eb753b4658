"""Plumbing that all tests share. Fixtures of one room live in that room's own conftest."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

SLOW_GROUP = "slow"

# No deadline: a busy machine is no fault of an example. In CI the same examples each time, for a
# commit is judged there, and not chance; at a desk new ones each time, so that some fault is found.
settings.register_profile("photon", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("photon")


# First, because xdist reads the groups in this hook too.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts all slow tests on one worker: two real guests at once on two cores would starve."""
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.xdist_group(SLOW_GROUP))
