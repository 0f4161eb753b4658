"""A run in which much happens, as a program: writes its trace, and says the trace's hash.

python -m tests.simulation.eventful SEED [FILE]
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from photon.simulation.conditions import Link
from photon.simulation.world import Size, World, play
from tests.simulation.scenes import Cloud

SIZE: Final = Size(controllers=3, hosts=12, leaf_hosts=4)
ROUGH: Final = Link(loss=0.002, duplicate=0.01, reorder=0.02, delay_max_seconds=0.02)


async def eventful(world: World) -> str:
    """The hash of all that happened."""
    cloud = Cloud(world)
    await cloud.furnish()
    world.network.conditions.everywhere = ROUGH
    making = [asyncio.create_task(cloud.create_vm(f"vm-{number}")) for number in range(20)]
    await asyncio.sleep(0.05)
    world.controllers[0].crash()
    made = await asyncio.gather(*making)
    world.controllers[0].begin_again()
    starting = [asyncio.create_task(cloud.task("POST", f"/v1/vms/{vm}/start")) for vm in made]
    for agent in list(world.agents.values())[::3]:
        await agent.restart()
    await asyncio.gather(*starting)
    world.controllers[1].freeze()
    await asyncio.sleep(40)
    world.controllers[1].thaw()
    world.network.conditions.partition([["controller-3"], ["agent-1", "agent-2", "agent-3"]])
    deleting = [cloud.task("POST", f"/v1/vms/{vm}/stop") for vm in made]
    await asyncio.gather(*deleting)
    world.network.conditions.heal()
    await asyncio.gather(*[cloud.task("DELETE", f"/v1/vms/{vm}") for vm in made])
    await asyncio.sleep(60)
    return world.trace.hash()


def main() -> None:
    seed, path = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "/dev/null"
    with Path(path).open("w") as file:
        sys.stdout.write(play(seed, SIZE, eventful, file) + "\n")


if __name__ == "__main__":
    main()
