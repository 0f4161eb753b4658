"""Engines that are closed when their test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from photon.tasks.runner import TaskLimits
from photon.tasks.saga import Saga
from tests.tasks.rig import Engine, Hands, Order

MakeEngine = Callable[..., Awaitable[Engine]]


@pytest.fixture
async def engine_of() -> AsyncIterator[MakeEngine]:
    made: list[Engine] = []

    async def make(saga: Saga[Hands, Order, str], limits: TaskLimits | None = None) -> Engine:
        engine = Engine(saga, limits=limits)
        await engine.open()
        made.append(engine)
        return engine

    yield make
    for engine in made:
        await engine.close()
