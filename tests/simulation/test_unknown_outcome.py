"""A controller that never hears what became of its commit finds out, and goes on from there."""

from __future__ import annotations

import asyncio

from photon.simulation.world import Size, World, play
from photon.store.nouns import TASKS
from photon.store.postgres.store import PostgresOptions
from tests.simulation.scenes import Cloud

SEED = 3
AWAY_SECONDS = 4.0
OPTIONS = PostgresOptions(failover_seconds=1.0)  # It gives up before the store is back.


def test_a_task_that_was_made_unknown_to_its_maker_is_run_by_it() -> None:
    """Found with seed 3: it stayed QUEUED for as long as its owner lived."""

    async def scene(world: World) -> None:
        server, loop = world.store_server, world.loop
        server.options = OPTIONS
        cloud = Cloud(world)
        await cloud.furnish()

        def leave(name: str, *, applied: bool) -> bool:
            if applied:
                server.watchers.remove(leave)
                loop.call_soon(server.service.go_away)
                loop.call_later(AWAY_SECONDS, server.service.come_back)
            return False

        making = asyncio.create_task(cloud.create_vm("one"))
        server.watchers.append(leave)
        await making
        tasks = (await world.store.page(TASKS, {}, limit=500)).items
        assert [task.id for task in tasks if not task.ended] == []

    play(SEED, Size(controllers=3, hosts=3, leaf_hosts=2), scene)
