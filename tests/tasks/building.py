"""Builds what a world has before a proof begins, by asking the API of its first life."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from photon.agent.drivers.simulated_site import addresses_of
from photon.domain.image import Image, ReplicationType
from photon.domain.readiness import Readiness
from photon.store.nouns import IMAGES
from photon.store.protocol import Insert
from tests.tasks.life import Door, Life, client_of
from tests.tasks.world import CHECKSUM, ENDPOINT, Json, World


class Client:
    """Asks the API of one life, as anybody would; through a door of its own if none is given."""

    def __init__(self, life: Life, door: Door | None = None) -> None:
        self.life = life
        self.http = client_of((door or Door()).to(life))

    async def ask(self, method: str, path: str, body: Any = None) -> Json:
        """The answer, which must not be an error."""
        answer = await self.http.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def submit(self, method: str, path: str, body: Any = None) -> Json:
        """A task, as the request answers it."""
        return await self.ask(method, path, body)

    async def done(self, method: str, path: str, body: Any = None) -> Json:
        """A task that has ended well."""
        task = await self.ask(method, path, body)
        await self.life.finished()
        task = await self.ask("GET", f"/v1/tasks/{task['id']}")
        assert task["state"] == "COMPLETED", task
        return task

    async def made(self, path: str, body: Any) -> str:
        return str((await self.done("POST", path, body))["entity"]["id"])

    async def close(self) -> None:
        await self.http.aclose()


Builder = Callable[[World, Client], Awaitable[None]]


async def build_site(world: World, client: Client) -> None:
    """Hosts, an image, a subnet, flavors, and a project with quota: all but VMs and disks."""
    names = world.names
    for number, address in enumerate(addresses_of(2), start=1):
        host_id = await client.made("/v1/infrastructure/hosts", host_spec(address))
        await client.done("POST", f"/v1/infrastructure/hosts/{host_id}/provision")
        names[f"host{number}"] = host_id
    subnet = {"name": "net", "portGroups": {"names": ["VM Network"]}}
    names["subnet"] = await client.made("/v1/subnets", subnet)
    names["tenant"] = await client.made("/v1/tenants", {"name": "t", "quota": _quota(100)})
    path = f"/v1/tenants/{names['tenant']}/projects"
    names["project"] = await client.made(path, {"name": "p", "quota": _quota(50)})
    for name, kind, cost in (
        ("small", "vm", [("vm", 1, "COUNT"), ("vm.cpu", 1, "COUNT"), ("vm.memory", 1, "GB")]),
        ("boot", "ephemeral-disk", [("ephemeral-disk", 1, "COUNT")]),
        ("data", "persistent-disk", [("persistent-disk", 1, "COUNT")]),
    ):
        items = [{"key": key, "value": value, "unit": unit} for key, value, unit in cost]
        await client.made("/v1/flavors", {"name": name, "kind": kind, "cost": items})
    names["image"] = world.ids.new()
    image = Image(
        names["image"],
        "system",
        ReplicationType.ON_DEMAND,
        Readiness.READY,
        size_bytes=2 << 30,
        file_size_bytes=1 << 20,
        checksum=CHECKSUM,
    )
    await world.store.commit([Insert(IMAGES, image)])


def host_spec(address: str) -> Json:
    return {
        "address": address,
        "username": "root",
        "password": "secret",
        "usageTags": ["CLOUD"],
        "metadata": {"AGENT_ENDPOINT": ENDPOINT},
    }


def _quota(size: float) -> Json:
    keys = ("vm", "vm.cpu", "ephemeral-disk", "persistent-disk")
    items = {key: {"limit": size, "unit": "COUNT"} for key in keys}
    items |= {
        key: {"limit": size * 4, "unit": "GB"}
        for key in ("vm.memory", "ephemeral-disk.capacity", "persistent-disk.capacity")
    }
    return {"quotaItems": items}


def vm_spec(world: World, name: str = "web") -> Json:
    return {
        "name": name,
        "flavor": "small",
        "sourceImageId": world.names["image"],
        "subnets": [world.names["subnet"]],
        "attachedDisks": [
            {"name": "boot", "flavor": "boot", "kind": "ephemeral-disk", "bootDisk": True},
            {"name": "more", "flavor": "boot", "kind": "ephemeral-disk", "capacityGb": 3},
        ],
    }


async def build_vm(world: World, client: Client) -> None:
    """A VM that is stopped."""
    path = f"/v1/projects/{world.names['project']}/vms"
    world.names["vm"] = await client.made(path, vm_spec(world))


async def build_disk(world: World, client: Client) -> None:
    """A persistent disk on the VM's host, or anywhere when there is none."""
    near = world.names.get("vm")
    spec = {
        "name": "data",
        "flavor": "data",
        "kind": "persistent-disk",
        "capacityGb": 5,
        "affinities": [{"kind": "vm", "id": near}] if near else [],
    }
    path = f"/v1/projects/{world.names['project']}/disks"
    world.names["disk"] = await client.made(path, spec)
