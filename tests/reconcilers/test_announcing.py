"""What leaves are told of open tasks, when the store is away."""

from __future__ import annotations

import asyncio
import gc
from typing import Any, cast

from photon.reconcilers.announcing import Announcer
from photon.store.errors import StoreUnavailable


class _Away:
    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.ends = asyncio.Event()

    async def page(self, *_: object, **__: object) -> object:
        self.asked.set()
        await self.ends.wait()
        raise StoreUnavailable("It is away.")


async def test_a_reading_that_fails_when_nobody_waits_any_more_complains_to_nobody() -> None:
    """Seed 1096 of the simulation."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    store = _Away()
    announcing = asyncio.create_task(
        Announcer(cast(Any, store)).announce(["h"], cast(Any, None)), name="announcing"
    )
    await store.asked.wait()
    announcing.cancel()
    await asyncio.gather(announcing, return_exceptions=True)
    store.ends.set()
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert complaints == []
