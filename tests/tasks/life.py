"""One life of a controller: its scheduler, its task runner and its API, over a world that stays."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from typing import Any, Final, cast

import falcon.asgi
import httpx2

from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.api.edge import make_app
from photon.api.plane import Instance, Plane, Release
from photon.api.routes import ROUTES
from photon.api.waiting import TaskWaiting
from photon.coordination.protocol import CONTROLLER
from photon.domain.guest import Inventory, Refusal
from photon.domain.host import Host
from photon.domain.member import Member
from photon.domain.placement import HostView
from photon.domain.system import System
from photon.images.library import ImageLibrary
from photon.outside.clock import Clock
from photon.outside.ids import Ids
from photon.sagas.catalogue import SAGAS
from photon.sagas.cloud import Cloud
from photon.scheduler.leaf import Leaf
from photon.scheduler.root import Root
from photon.store.nouns import HOSTS, MEMBERS
from photon.store.protocol import CloudStore, Delete, Insert
from photon.tasks.execute import BoundSaga
from photon.tasks.runner import TaskLimits, TaskRunner
from tests.tasks.fate import Fate, mortal_agents, mortal_store

BASE: Final = "http://api.test"
RELEASE: Final = Release("1.2.1", "1.2.1-abcdef0", "abcdef0")
TURNS_MAX: Final = 20_000  # A task of a world without real waiting that takes more has no end.
EAGER_TURNS: Final = 10_000
PATIENT_SECONDS: Final = 0.001  # The library of images works in threads, and in other programs.


@dataclass(frozen=True)
class Surroundings:
    """What outlives a controller."""

    store: CloudStore
    agents: Agents
    clock: Clock
    ids: Ids
    images: ImageLibrary
    fetch: Callable[[str], AsyncGenerator[bytes, None]]


class Life:
    """`owner` names this incarnation. `open` comes first: it believes what the hosts say now."""

    def __init__(
        self, around: Surroundings, owner: str, fate: Fate, limits: TaskLimits | None = None
    ) -> None:
        self.owner = owner
        self.fate = fate
        self.around = around
        self.store = mortal_store(around.store, fate)
        self.agents = mortal_agents(around.agents, fate)
        self.leaf = Leaf(around.clock)
        self.cloud = Cloud(
            store=self.store,
            agents=self.agents,
            scheduler=Root([self.leaf], random.Random(7)),
            clock=around.clock,
            images=around.images,
            image_url=lambda image_id: f"{BASE}/v1/images/{image_id}/content",
            welcome=self._welcome,
            regard=self._regard,
            fetch=around.fetch,
        )
        self.runner = TaskRunner(
            self.store,
            around.clock,
            {saga.operation: BoundSaga(saga, self.cloud) for saga in SAGAS},
            owner,
            limits or TaskLimits(),
        )
        self.waiting = TaskWaiting(around.store)
        self.plane = Plane(
            store=self.store,
            runner=self.runner,
            clock=around.clock,
            ids=around.ids,
            images=around.images,
            ends=self.waiting,
            release=RELEASE,
            system=System,
            scheduler=self.cloud.scheduler,
            instances=_no_instances,
        )

    async def open(self) -> None:
        """Puts itself on the list, and hears every host, as a controller does before it serves."""
        store = self.around.store
        me = Member(self.owner, self.owner, CONTROLLER, "http://127.0.0.1:9000")
        await store.commit([Insert(MEMBERS, me)])
        for host in (await store.page(HOSTS, {}, limit=100)).items:
            if host.provisioned:
                address = HostAddress(host.agent_endpoint, host.id)
                with suppress(Refusal):  # a host that was given back, but not to the end
                    await self._welcome(host, await self.around.agents.inventory(address))

    def app(self) -> falcon.asgi.App[Any, Any]:
        return Door().to(self)

    async def finished(self) -> None:
        """Returns when no task runs here any more, or this life is over."""
        for turn in range(TURNS_MAX):
            if self.fate.dead or not self.runner.live:
                return
            await asyncio.sleep(0 if turn < EAGER_TURNS else PATIENT_SECONDS)
        raise AssertionError("a task has no end")

    async def end(self) -> None:
        """What is left of a process that died, or had nothing more to do."""
        await self.runner.close(wait_seconds=0)
        self.waiting.close()
        if not self.fate.dead:
            await self.around.store.commit([Delete(MEMBERS, self.owner)])

    async def _welcome(self, host: Host, inventory: Inventory) -> None:
        self._regard(host)
        self.leaf.report(inventory)

    def _regard(self, host: Host) -> None:
        if host.provisioned:
            self.leaf.put_host(HostView.of(host))
        else:
            self.leaf.remove_host(host.id)


class Door:
    """The API of one life after another: making all its routes takes longer than most tries."""

    def __init__(self) -> None:
        self._plane: Plane | None = None

    def to(self, life: Life) -> falcon.asgi.App[Any, Any]:
        """The API, which serves this life from now on, and no other."""
        if self._plane is None:
            self._plane = replace(life.plane)
            self._app = make_app(self._plane, ROUTES)
        for field in fields(Plane):
            setattr(self._plane, field.name, getattr(life.plane, field.name))
        return self._app


def client_of(app: Any) -> httpx2.AsyncClient:
    """Asks an API in this process."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=cast(Any, app)), base_url=BASE)


async def _no_instances() -> list[Instance]:
    return []
