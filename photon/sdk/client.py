"""The two clients: the same nouns and operations, awaited or blocking."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self

import httpx2

from photon.outside.clock import RealClock
from photon.outside.ids import Ids, TimeOrderedIds
from photon.sdk.caller import AsyncCaller, Caller
from photon.sdk.exchange import RETRIES_MAX, Surroundings
from photon.sdk.nouns.catalogue import Flavors, Images
from photon.sdk.nouns.compute import Disks, Vms
from photon.sdk.nouns.infrastructure import Datastores, Hosts, Subnets, Zones
from photon.sdk.nouns.system import System
from photon.sdk.nouns.tasks import Tasks
from photon.sdk.nouns.tenancy import Projects, Tenants
from photon.sdk.operation import Face


@dataclass(frozen=True, slots=True)
class Settings:
    """How to speak with the API. `ca_file` holds the certificates to trust instead of the usual."""

    token: str | None = None
    ca_file: str | None = None
    retries_max: int = RETRIES_MAX
    ids: Ids = field(default_factory=lambda: TimeOrderedIds(RealClock()))


class Nouns(Generic[Face]):
    """Everything that can be asked, noun by noun."""

    def __init__(self, caller: Face) -> None:
        self.system = System(caller)
        self.tenants = Tenants(caller)
        self.projects = Projects(caller)
        self.flavors = Flavors(caller)
        self.images = Images(caller)
        self.vms = Vms(caller)
        self.disks = Disks(caller)
        self.hosts = Hosts(caller)
        self.datastores = Datastores(caller)
        self.zones = Zones(caller)
        self.subnets = Subnets(caller)
        self.tasks = Tasks(caller)


class AsyncClient(Nouns[AsyncCaller]):
    """The API at `target`, an address such as http://127.0.0.1:9000.

    async with AsyncClient(target) as client:
        task = await client.tenants.create(TenantCreateSpec("eng"))
        await client.tasks.wait(task.id)
        async for tenant in client.tenants.list():
            ...
    """

    def __init__(
        self,
        target: str,
        settings: Settings | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        settings = settings or Settings()
        self._http = httpx2.AsyncClient(
            base_url=target,
            headers=_headers(settings),
            verify=_verify(target, settings),
            transport=transport,
        )
        super().__init__(AsyncCaller(self._http, _around(target, settings)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()


class Client(Nouns[Caller]):
    """The same, for programs without an event loop: each call blocks until it is answered.

    with Client(target) as client:
        client.tasks.wait(client.tenants.create(TenantCreateSpec("eng")).id)
    """

    def __init__(
        self,
        target: str,
        settings: Settings | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        settings = settings or Settings()
        self._http = httpx2.Client(
            base_url=target,
            headers=_headers(settings),
            verify=_verify(target, settings),
            transport=transport,
        )
        super().__init__(Caller(self._http, _around(target, settings)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()


def _headers(settings: Settings) -> dict[str, str]:
    headers = {"User-Agent": "photon-sdk"}
    if settings.token is not None:
        headers["Authorization"] = f"Bearer {settings.token}"
    return headers


def _verify(target: str, settings: Settings) -> ssl.SSLContext | bool:
    """What to check certificates with. Without TLS nothing: loading them takes 20 ms."""
    if not target.startswith("https:"):
        return False
    if settings.ca_file is None:
        return True
    return ssl.create_default_context(cafile=settings.ca_file)


def _around(target: str, settings: Settings) -> Surroundings:
    return Surroundings(target, settings.ids, time.monotonic, retries_max=settings.retries_max)
