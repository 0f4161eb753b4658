"""In which loop the tests here run: real time, unless a module names its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest

LoopFactories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

REAL: LoopFactories = {"real": asyncio.new_event_loop}


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> LoopFactories:
    """A module whose tests have a time of their own says so: LOOPS = {"simulated": ...}."""
    found = item.getparent(pytest.Module)
    return REAL if found is None else getattr(found.obj, "LOOPS", REAL)
