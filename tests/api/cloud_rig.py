"""The API with a cloud behind it: simulated hosts, a scheduler, and every saga."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from photon.agent.drivers.simulated_site import HostShape, SimulatedSite, addresses_of
from photon.agent.hosts import Credentials
from photon.agent.journal import MemoryJournal
from photon.agent.local import LocalAgents
from photon.agent.simulation import simulate
from photon.domain.guest import HostReport, Inventory, Refusal
from photon.domain.host import Host
from photon.domain.overcommit import Overcommit
from photon.domain.task import Task
from photon.outside.clock import RealClock
from photon.reconcilers.host_watch import HostWatch
from photon.sagas.catalogue import SAGAS
from photon.sagas.cloud import Cloud
from photon.scheduler.leaf import Leaf
from photon.scheduler.root import Root
from photon.tasks.execute import BoundSaga
from tests.agent.conftest import PaperDoors
from tests.api.rig import Api, Json

ENDPOINT: Final = "agent.test:8835"
HOSTS: Final = "/v1/infrastructure/hosts"
TASK_SECONDS_MAX: Final = 20.0
CREDENTIALS: Final = Credentials("root", "secret")

VM_FLAVOR: Final[Json] = {
    "name": "small",
    "kind": "vm",
    "cost": [
        {"key": "vm.cpu", "value": 1, "unit": "COUNT"},
        {"key": "vm.memory", "value": 1, "unit": "GB"},
    ],
}
DISK_FLAVOR: Final[Json] = {
    "name": "plain",
    "kind": "ephemeral-disk",
    "cost": [{"key": "ephemeral-disk", "value": 1, "unit": "COUNT"}],
}
SUBNET: Final[Json] = {
    "name": "net",
    "description": "",
    "type": "PORT_GROUP",
    "portGroups": {"names": ["VM Network"]},
}


class CloudApi(Api):
    """`agents` maps endpoints to agents, as `LocalAgents` has it: what is taken out is silent."""

    def __init__(self, folder: Path, *, hosts: int = 3, shape: HostShape | None = None) -> None:
        self._all: dict[str, BoundSaga] = {}
        super().__init__(folder)
        self._sagas = self._all
        # Hosts are polled for ever: that must take time.
        self.clock = RealClock()  # type: ignore[assignment]  # nothing here looks at its hands
        self._addresses = addresses_of(hosts)
        self._site = SimulatedSite(
            self.clock, shape or HostShape(), journal=MemoryJournal(), captures=folder
        )

    async def open(self) -> None:
        await super().open()
        await self.plane.images.open()
        self.simulation = await simulate(
            self._addresses, self._site, PaperDoors(), self.ids, CREDENTIALS
        )
        self.endpoints = {ENDPOINT: self.simulation.agent}
        self.agents = LocalAgents(self.endpoints)
        self.leaf = Leaf(self.clock)
        self.watch = HostWatch(self.store, self.agents, self.leaf, self.clock, Unwatched())
        await self.watch.start()
        self.plane.scheduler = Root([self.leaf], random.Random(7))
        self.cloud = Cloud(
            store=self.store,
            agents=self.agents,
            scheduler=self.plane.scheduler,
            clock=self.clock,
            images=self.plane.images,
            image_url=lambda image_id: f"http://api.test/v1/images/{image_id}/content",
            welcome=self._welcome,
            regard=self.watch.regard,
            fetch=self._fetch,
        )
        self._bind()

    def _bind(self) -> None:
        self._all.update({saga.operation: BoundSaga(saga, self.cloud) for saga in SAGAS})

    def change_overcommit(self, overcommit: Overcommit) -> None:
        """As a controller that was started again with other settings."""
        self.cloud = replace(self.cloud, overcommit=overcommit)
        self._bind()

    async def _welcome(self, host: Host, inventory: Inventory) -> None:
        self.watch.welcome(host, inventory)

    async def close(self) -> None:
        await self.watch.close()
        await super().close()
        await self.plane.images.close()

    async def _fetch(self, url: str) -> AsyncGenerator[bytes, None]:
        """What a simulated host would serve at a URL of its captures."""
        image_id = url.rpartition("/")[2]
        for driver in self.simulation.drivers.values():
            with suppress(Refusal):
                yield _content(await driver.capture_path(image_id))
                return

    async def ended(self, task_id: str) -> Task:
        task = await self.waiting.ended(task_id, seconds=TASK_SECONDS_MAX)
        assert task is not None
        assert task.ended, task
        return task

    async def run(
        self, method: str, path: str, body: Any = None, *, status: int = 201, **more: Any
    ) -> Task:
        """A change's task, when it has ended."""
        answer = await self.ask(method, path, body, **more)
        assert answer.status_code == status, answer.text
        return await self.ended(answer.json()["id"])

    async def add_host(self, number: int = 1, **changes: Any) -> str:
        """The id of a host that is NOT_PROVISIONED."""
        task = await self.run("POST", HOSTS, host_spec(number, **changes))
        assert task.state == "COMPLETED", task
        return task.entity_id

    async def ready_host(self, number: int = 1, **changes: Any) -> str:
        """The id of a host that is READY."""
        host_id = await self.add_host(number, **changes)
        task = await self.run("POST", f"{HOSTS}/{host_id}/provision", status=202)
        assert task.state == "COMPLETED", task
        return host_id

    async def a_project(self, name: str = "project-1") -> str:
        tenant = await self.made("/v1/tenants", {"name": f"tenant-of-{name}"})
        return await self.made(f"/v1/tenants/{tenant}/projects", {"name": name})

    async def a_vm(self, project_id: str, image_id: str) -> str:
        """The id of a VM that is STOPPED. The first makes the flavors and the subnet for all."""
        if not await self.items("/v1/flavors"):
            for flavor in (VM_FLAVOR, DISK_FLAVOR):
                await self.made("/v1/flavors", flavor)
            await self.made("/v1/subnets", SUBNET)
        spec = {
            "name": "vm",
            "flavor": VM_FLAVOR["name"],
            "sourceImageId": image_id,
            "attachedDisks": [
                {
                    "name": "boot",
                    "flavor": DISK_FLAVOR["name"],
                    "kind": "ephemeral-disk",
                    "bootDisk": True,
                }
            ],
            "subnets": [subnet["id"] for subnet in await self.items("/v1/subnets")],
        }
        task = await self.run("POST", f"/v1/projects/{project_id}/vms", spec)
        assert task.state == "COMPLETED", task
        return task.entity_id

    async def host(self, host_id: str) -> Json:
        return await self.get(f"{HOSTS}/{host_id}")


def host_spec(number: int = 1, **changes: Any) -> Json:
    spec: Json = {
        "address": f"sim-{number:05}",
        "username": CREDENTIALS.username,
        "password": CREDENTIALS.password,
        "usageTags": ["CLOUD"],
        "metadata": {"AGENT_ENDPOINT": ENDPOINT},
    }
    return spec | changes


def error_codes(task: Task) -> Sequence[str]:
    """The codes of all errors of all steps."""
    return [error.code for step in task.steps for error in step.errors]


def _content(path: str) -> bytes:
    return Path(path).read_bytes()


class Unwatched:
    """Nobody compares guests here."""

    async def observe(self, report: HostReport) -> None: ...

    async def reconcile(self, host_id: str) -> bool:
        return True
