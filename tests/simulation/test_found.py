"""What the simulation found in the product, each as it was found or made as small as could be."""

from __future__ import annotations

import asyncio

import pytest

from photon.simulation.world import Size, World, play
from tests.simulation.scenes import Cloud

SMALL = Size(controllers=2, hosts=4, leaf_hosts=2, ensemble=True)
RESTARTED_SECONDS_MAX = 90.0


@pytest.mark.parametrize("after_seconds", [0.05, 1.0, 4.0])
def test_a_controller_that_is_taken_for_dead_while_it_starts_begins_anew(
    after_seconds: float,
) -> None:
    """Seed 110: with tasks of the dead to adopt, it asked a session that was over for ever."""

    async def scene(world: World) -> None:
        cloud = Cloud(world)
        await cloud.furnish()
        making = [asyncio.create_task(cloud.create_vm(f"vm-{n}")) for n in range(10)]
        await asyncio.sleep(0.003)
        for controller in world.controllers:
            controller.crash()
        asyncio.create_task(world.controllers[0].restart())  # noqa: RUF006 - it ends with the world
        await asyncio.sleep(after_seconds)
        world.controllers[0].expire_session()
        await asyncio.sleep(RESTARTED_SECONDS_MAX)
        assert world.controllers[0].serving
        for task in making:
            task.cancel()

    play(1, SMALL, scene)
