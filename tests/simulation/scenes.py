"""What tests do in a simulated world: a client that waits for its tasks, and a first cloud."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec

from photon.domain.image import Image, ReplicationType
from photon.domain.readiness import Readiness
from photon.simulation.agents import CREDENTIALS
from photon.simulation.requests import Answer, Lost
from photon.simulation.world import World
from photon.store.nouns import IMAGES
from photon.store.protocol import Insert

Json = dict[str, Any]
HOSTS: Final = "/v1/infrastructure/hosts"
IMAGE: Final = Image(
    "11111111-1111-7111-8111-111111111111",
    "image",
    ReplicationType.ON_DEMAND,
    Readiness.READY,
    size_bytes=1 << 30,
    file_size_bytes=1 << 20,
    checksum="a" * 64,
)
TASK_SECONDS_MAX: Final = 120.0
TRIES_MAX: Final = 50
COUNT: Final = "COUNT"
VM_FLAVOR: Final = {
    "name": "small",
    "kind": "vm",
    "cost": [
        {"key": "vm.cpu", "value": 1, "unit": COUNT},
        {"key": "vm.memory", "value": 1, "unit": "GB"},
    ],
}
DISK_FLAVOR: Final = {
    "name": "plain",
    "kind": "ephemeral-disk",
    "cost": [{"key": "ephemeral-disk", "value": 1, "unit": COUNT}],
}
SUBNET: Final = {
    "name": "net",
    "description": "",
    "type": "PORT_GROUP",
    "portGroups": {"names": ["VM Network"]},
}


class Caller:
    """Asks the controllers in turn, and again, under the same key, if an answer was lost."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._asked = 0

    async def ask(self, method: str, path: str, body: Any = None) -> Answer:
        self._asked += 1
        key = {"idempotency-key": f"key-{self._asked}"} if method != "GET" else {}
        content = b"" if body is None else msgspec.json.encode(body)
        for turn in range(self._asked, self._asked + TRIES_MAX):
            controller = turn % len(self.world.controllers)
            try:
                answer = await self.world.request(controller, method, path, content, key)
            except Lost:
                await asyncio.sleep(1.0)
                continue
            if answer.status != 503:
                return answer
            await asyncio.sleep(1.0)
        raise AssertionError(f"nobody answers {method} {path}")

    async def get(self, path: str) -> Json:
        answer = await self.ask("GET", path)
        assert answer.status == 200, answer
        return dict(msgspec.json.decode(answer.body))

    async def run(self, method: str, path: str, body: Any = None) -> str:
        """The id of what the task was about, when it has been completed."""
        task = await self.task(method, path, body)
        assert task["state"] == "COMPLETED", task
        return str(task["entity"]["id"])

    async def task(self, method: str, path: str, body: Any = None) -> Json:
        """The task, when it has ended."""
        answer = await self.ask(method, path, body)
        assert answer.status < 300, answer
        task = dict(msgspec.json.decode(answer.body))
        async with asyncio.timeout(TASK_SECONDS_MAX):
            while task["state"] in ("QUEUED", "STARTED"):
                await asyncio.sleep(0.05)
                task = await self.get(f"/v1/tasks/{task['id']}")
        return task


class Cloud(Caller):
    """A world with hosts, flavors, a subnet, an image and a project."""

    project = ""
    subnet = ""

    async def furnish(self) -> None:
        await self.world.start()
        await self.provision()
        for flavor in (VM_FLAVOR, DISK_FLAVOR):
            await self.run("POST", "/v1/flavors", flavor)
        self.subnet = await self.run("POST", "/v1/subnets", SUBNET)
        tenant = await self.run("POST", "/v1/tenants", {"name": "tenant"})
        self.project = await self.run("POST", f"/v1/tenants/{tenant}/projects", {"name": "project"})
        await self.world.store.commit([Insert(IMAGES, IMAGE)])

    async def provision(self) -> None:
        """All hosts of all agents, at once."""
        await asyncio.gather(
            *[
                self._provision(address, agent.endpoint)
                for agent in self.world.agents.values()
                for address in agent.addresses
            ]
        )

    async def _provision(self, address: str, endpoint: str) -> None:
        host = await self.run(
            "POST",
            HOSTS,
            {
                "address": address,
                "username": CREDENTIALS.username,
                "password": CREDENTIALS.password,
                "usageTags": ["CLOUD"],
                "metadata": {"AGENT_ENDPOINT": endpoint},
            },
        )
        await self.run("POST", f"{HOSTS}/{host}/provision")

    async def create_vm(self, name: str, **more: Any) -> str:
        """`more` of the VM's specification."""
        spec = {
            "name": name,
            "flavor": "small",
            "sourceImageId": IMAGE.id,
            "attachedDisks": [
                {"name": "boot", "flavor": "plain", "kind": "ephemeral-disk", "bootDisk": True}
            ],
            "subnets": [self.subnet],
            **more,
        }
        return await self.run("POST", f"/v1/projects/{self.project}/vms", spec)
