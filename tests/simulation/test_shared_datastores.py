"""A datastore that hosts share, in clouds whose controllers do not know what others took of it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest

from photon.domain.guest import HostCapacity, HostDatastore
from photon.domain.topology import is_shared
from photon.simulation.datastores import disks_on
from photon.simulation.world import Size, World, play
from tests.simulation.scenes import Cloud

NAS: Final = HostDatastore("nas", "nas", "SHARED_VMFS", frozenset(), 64, 64)
DATA_GIB: Final = 4
DATA_FLAVOR: Final = {
    "name": "data",
    "kind": "persistent-disk",
    "cost": [{"key": "persistent-disk", "value": 1, "unit": "COUNT"}],
}
ELSEWHERE: Final = "a host of somebody else"
BELIEVED_SECONDS: Final = 20.0


def own(address: str, gib: int) -> HostDatastore:
    return HostDatastore(f"{address}-own", f"{address}-own", "LOCAL_VMFS", frozenset(), gib, gib)


def size(*addresses: str, own_gib: int, controllers: int = 1) -> Size:
    """Hosts with the larger datastore in common, and a small one each."""
    return Size(
        controllers=controllers,
        hosts=len(addresses),
        leaf_hosts=1,
        equipment={
            each: HostCapacity(64, 256 << 10, (NAS, own(each, own_gib)), ("VM Network",), "sim")
            for each in addresses
        },
        ensemble=True,
    )


async def furnished(world: World) -> Cloud:
    cloud = Cloud(world)
    await cloud.furnish()
    await cloud.run("POST", "/v1/flavors", DATA_FLAVOR)
    return cloud


async def disk(cloud: Cloud, name: str) -> dict[str, Any]:
    spec = {"name": name, "flavor": "data", "kind": "persistent-disk", "capacityGb": DATA_GIB}
    return await cloud.task("POST", f"/v1/projects/{cloud.project}/disks", spec)


def lying(world: World) -> dict[str, int]:
    """GiB by datastore."""
    sums: dict[str, int] = {}
    for agent in world.agents.values():
        for host in agent.hosts.by_address.values():
            coroutine = host.inventory()
            with pytest.raises(StopIteration) as done:
                coroutine.send(None)
            for id, disks in disks_on(done.value.value).items():
                sums[id] = sums.get(id, 0) + sum(disks.values())
    return sums


def fill(world: World, leaving_gib: int) -> None:
    """Somebody takes all but so much, whom no controller knows."""
    room = {"all of it": NAS.capacity_gib - leaving_gib}
    world.shared.of(NAS.id).take(ELSEWHERE, room, NAS.capacity_gib)


@pytest.mark.parametrize("hosts", [("sim-00001",), ("sim-00001", "sim-00002")])
def test_a_create_goes_to_another_datastore_when_the_shared_one_is_full(
    hosts: tuple[str, ...],
) -> None:
    async def scene(world: World) -> dict[str, Any]:
        cloud = await furnished(world)
        fill(world, leaving_gib=1)
        task = await disk(cloud, "disk-1")
        await cloud.create_vm("vm-1")
        assert (await disk(cloud, "disk-2"))["state"] == "COMPLETED"
        assert world.shared.of(NAS.id).taken_gib() <= NAS.capacity_gib
        assert lying(world).get(NAS.id, 0) == 0
        return task

    task = play(1, size(*hosts, own_gib=16), scene)
    assert task["state"] == "COMPLETED"


def test_what_fits_nowhere_is_refused_for_want_of_room() -> None:
    async def scene(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
        cloud = await furnished(world)
        fill(world, leaving_gib=1)
        full = await disk(cloud, "disk-1")
        world.shared.of(NAS.id).give(ELSEWHERE, ["all of it"])
        await asyncio.sleep(BELIEVED_SECONDS)
        return full, await disk(cloud, "disk-2")

    full, roomy = play(1, size("sim-00001", own_gib=2), scene)
    errors = [error["code"] for step in full["steps"] for error in step.get("errors", ())]
    assert (full["state"], errors) == ("ERROR", ["NotEnoughDatastoreCapacity"])
    assert roomy["state"] == "COMPLETED"


def test_controllers_that_race_fill_a_datastore_and_no_more() -> None:
    hosts = tuple(f"sim-0000{number}" for number in range(1, 7))
    tries = 24

    async def scene(world: World) -> list[dict[str, Any]]:
        cloud = await furnished(world)
        tasks = await asyncio.gather(*(disk(cloud, f"disk-{n}") for n in range(tries)))
        assert lying(world)[NAS.id] == NAS.capacity_gib == world.shared.of(NAS.id).taken_gib()
        return tasks

    tasks = play(1, size(*hosts, own_gib=1, controllers=3), scene)
    made = [task for task in tasks if task["state"] == "COMPLETED"]
    assert len(made) == NAS.capacity_gib // DATA_GIB
    assert is_shared(NAS.type)


def test_a_vm_that_is_to_be_near_a_disk_is_on_the_host_that_attaches_it() -> None:
    hosts = tuple(f"sim-0000{number}" for number in range(1, 5))

    async def scene(world: World) -> list[str]:
        cloud = await furnished(world)
        states = []
        for number in range(len(hosts)):
            near = (await disk(cloud, f"disk-{number}"))["entity"]["id"]
            affinity = {"kind": "disk", "id": near}
            vm = await cloud.create_vm(f"vm-{number}", affinities=[affinity])
            task = await cloud.task("POST", f"/v1/vms/{vm}/attach_disk", {"diskId": near})
            states.append(task["state"])
        return states

    assert play(1, size(*hosts, own_gib=1), scene) == ["COMPLETED"] * len(hosts)
