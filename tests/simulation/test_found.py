"""What the simulation found in the product, each as it was found or made as small as could be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from photon.domain.missing_host import MissingHost
from photon.domain.topology import LeafRow
from photon.simulation.controller import SimulatedController
from photon.simulation.line import LineConditions
from photon.simulation.world import Size, World, play
from photon.store.nouns import HOSTS, LEAVES, MISSING_HOSTS
from photon.store.protocol import Insert
from tests.simulation.scenes import Cloud

SMALL = Size(controllers=2, hosts=4, leaf_hosts=2, ensemble=True)
RESTARTED_SECONDS_MAX = 90.0
CUT_SECONDS = 40.0
LINE_SECONDS = 0.01
PROJECTS = 5
STOPPED_SECONDS_MAX = (
    100.0  # Ten for its leaves, ten for its tasks, sixty for the store's last word.
)


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


def test_a_deleted_project_is_gone_at_every_controller_at_once() -> None:
    """Seed 1102: one that had kept it showed it, until the feed told of its end."""

    async def scene(world: World) -> None:
        cloud = Cloud(world)
        await cloud.furnish()
        tenant = await cloud.run("POST", "/v1/tenants", {"name": "other"})
        world.store_server.conditions.lost_notices = 1.0
        for number in range(PROJECTS):
            body = {"name": f"project-{number}"}
            project = await cloud.run("POST", f"/v1/tenants/{tenant}/projects", body)
            path = f"/v1/projects/{project}"
            for controller in range(len(world.controllers)):
                assert (await world.request(controller, "GET", path)).status == 200
            assert (await world.request(0, "DELETE", path)).status == 201
            assert (await world.request(1, "GET", path)).status == 404

    play(1, SMALL, scene)


def test_a_controller_that_must_stop_while_its_store_is_away_is_gone_soon() -> None:
    """Found by a failover that had lost commits: it tried for an hour a leaf to give leaves away,
    and lived so long for the others, who waited for them."""

    async def scene(world: World) -> None:
        await Cloud(world).furnish()
        controller = world.controllers[0]
        owned = [row async for row in _leaves(world) if row.owner == _id(controller)]
        assert owned
        world.store_server.service.go_away()
        assert controller.program is not None
        controller.program.stopping.set()
        await asyncio.sleep(STOPPED_SECONDS_MAX)
        assert controller.program is None

    play(2, SMALL, scene)


async def _leaves(world: World) -> AsyncIterator[LeafRow]:
    for row in (await world.store.page(LEAVES, {}, limit=100)).items:
        yield row


def _id(controller: SimulatedController) -> str:
    assert controller.program is not None
    return controller.program.id


def test_a_controller_whose_store_falls_silent_while_it_is_opened_begins_anew() -> None:
    """Seed 1199: it waited for the first answer for ever."""

    async def scene(world: World) -> None:
        await Cloud(world).furnish()
        controller, service = world.controllers[0], world.store_server.service
        controller.crash()
        service.conditions = LineConditions(LINE_SECONDS, LINE_SECONDS)
        asyncio.create_task(controller.restart())  # noqa: RUF006 - it ends with the world
        await asyncio.sleep(1.5 * LINE_SECONDS)  # It has a line, and has asked.
        service.cut(controller.name)
        await asyncio.sleep(CUT_SECONDS)
        service.mend(controller.name)
        await asyncio.sleep(RESTARTED_SECONDS_MAX)
        assert controller.serving

    play(1, SMALL, scene)


def test_a_host_that_another_wrote_as_missing_is_said_to_be_back_by_who_hears_it() -> None:
    """Seed 1103: its former watcher wrote so while the leaf changed hands, and so it stayed."""

    async def scene(world: World) -> None:
        await Cloud(world).furnish()
        (host, *_) = (await world.store.page(HOSTS, {}, limit=10)).items
        row = MissingHost(host.id, world.clock.now_ms(), "nobody heard it")
        await world.store.commit([Insert(MISSING_HOSTS, row)])
        await asyncio.sleep(RESTARTED_SECONDS_MAX)
        assert await world.store.find(MISSING_HOSTS, host.id) is None

    play(1, SMALL, scene)
