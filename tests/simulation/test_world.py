"""A cloud in one process: the programs live, die and come back as in earnest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from photon.domain.guest import Guest
from photon.simulation.world import Size, World, play
from photon.store.nouns import VMS
from tests.simulation.scenes import Cloud

T = TypeVar("T")
SMALL = Size(controllers=3, hosts=6, leaf_hosts=2)


def cloud(scene: Callable[[Cloud], Coroutine[Any, Any, T]], seed: int = 1) -> T:
    """Plays a scene in a furnished cloud, and nothing may go wrong unseen in it."""

    async def whole(world: World) -> T:
        made = Cloud(world)
        await made.furnish()
        ended = await scene(made)
        assert world.loop.mishaps == []
        return ended

    return play(seed, SMALL, whole)


async def guests_of(world: World) -> dict[str, Guest]:
    return {
        guest.vm_id: guest
        for agent in world.agents.values()
        for driver in agent.drivers.values()
        for guest in await driver.guests()
    }


def test_a_vm_is_made_through_the_api_on_a_host_behind_the_network() -> None:
    async def scene(cloud: Cloud) -> None:
        vm_id = await cloud.create_vm("one")
        assert list(await guests_of(cloud.world)) == [vm_id]
        for controller in range(3):
            answer = await cloud.world.request(controller, "GET", f"/v1/vms/{vm_id}")
            assert b'"state":"STOPPED"' in answer.body

    cloud(scene)


def test_what_a_dead_controller_began_another_ends() -> None:
    async def scene(cloud: Cloud) -> None:
        world = cloud.world
        making = [asyncio.create_task(cloud.create_vm(f"vm-{n}")) for n in range(30)]
        await asyncio.sleep(0.003)
        world.controllers[0].crash()
        made = await asyncio.gather(*making)
        assert sorted(made) == sorted(await guests_of(world))

    cloud(scene)


def test_a_controller_that_came_back_serves_what_others_made() -> None:
    async def scene(cloud: Cloud) -> None:
        world = cloud.world
        world.controllers[2].crash()
        vm_id = await cloud.create_vm("one")
        await world.controllers[2].restart()
        answer = await world.request(2, "GET", f"/v1/vms/{vm_id}")
        assert answer.status == 200
        assert world.controllers[2].lives == 2

    cloud(scene)


def test_guests_outlive_their_agent() -> None:
    async def scene(cloud: Cloud) -> None:
        vm_id = await cloud.create_vm("one")
        await cloud.run("POST", f"/v1/vms/{vm_id}/start")
        before = await guests_of(cloud.world)
        for agent in cloud.world.agents.values():
            await agent.restart()
        assert await guests_of(cloud.world) == before

    cloud(scene)


def test_a_frozen_controller_is_declared_dead_and_comes_back_as_another() -> None:
    async def scene(cloud: Cloud) -> None:
        frozen = cloud.world.controllers[1]
        frozen.freeze()
        await asyncio.sleep(60)
        frozen.thaw()
        await asyncio.sleep(30)
        assert frozen.alive
        assert frozen.lives == 2
        await cloud.create_vm("one")

    cloud(scene)


def test_a_controller_cut_off_from_the_agents_hands_its_hosts_to_nobody_and_comes_back() -> None:
    async def scene(cloud: Cloud) -> None:
        world = cloud.world
        world.network.conditions.partition([["controller-1"], list(world.agents)])
        await asyncio.sleep(30)
        world.network.conditions.heal()
        await asyncio.sleep(60)
        vm_ids = [await cloud.create_vm(f"vm-{number}") for number in range(6)]
        assert sorted(await guests_of(world)) == sorted(vm_ids)

    cloud(scene)


def test_a_machine_without_power_answers_nobody_until_it_is_back() -> None:
    async def scene(cloud: Cloud) -> None:
        world = cloud.world
        for agent in world.agents.values():
            agent.crash(silently=True)
        await asyncio.sleep(60)
        hosts = (await cloud.get("/v1/infrastructure/hosts"))["items"]
        assert len(hosts) == SMALL.hosts
        for agent in world.agents.values():
            await agent.restart()
        await asyncio.sleep(60)
        vm_id = await cloud.create_vm("one")
        assert await world.store.find(VMS, vm_id) is not None

    cloud(scene)
