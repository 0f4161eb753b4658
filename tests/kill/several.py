"""Several real controllers on one PostgreSQL, behind a balancer, over one agent."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from photon.agent.drivers.simulated_site import addresses_of
from photon.agent_client.address import HostAddress
from photon.agent_client.client import AgentClient
from photon.audit.whole import audit
from photon.devbox.postgres import FORGETFUL, PrivatePostgres
from photon.domain.audit import Violation
from photon.outside.clock import RealClock
from photon.rpc.network import TcpNetwork
from photon.sdk.client import Client
from photon.store.nouns import HOSTS, MEMBERS, NOUNS, TASKS
from photon.store.opening import open_store
from tests.kill.cloud import ANY_PORT, HOSTS_SERVED, LATENCIES
from tests.kill.program import Program
from tests.kill.seed import Seeded, seed

LEASE_SECONDS: Final = "4"  # So short that a test need not wait, so long that a busy machine lives.
FAREWELL_SECONDS: Final = "1.5"
LOOK_SECONDS: Final = 0.1  # The balancer's; much less than a farewell.
CHUNK: Final = 65_536


class Balancer:
    """Sends each new connection to the next controller that says that it is available."""

    def __init__(self) -> None:
        self.controllers: list[Program] = []
        self._up: list[tuple[str, int]] = []
        self._turn = 0
        self._running: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._door = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self._looking = asyncio.create_task(self._look())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._door.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        self._door.close()
        running = [self._looking, *self._running]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _look(self) -> None:
        while True:
            places = [_place(each) for each in self.controllers if each.ready]
            healthy = await asyncio.gather(*(_available(place) for place in places))
            self._up = [place for place, well in zip(places, healthy, strict=True) if well]
            await asyncio.sleep(LOOK_SECONDS)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        me = asyncio.current_task()
        assert me is not None
        self._running.add(me)
        on: asyncio.StreamWriter | None = None
        try:
            back, on = await self._connected()
            async with asyncio.TaskGroup() as group:
                group.create_task(_pump(reader, on))
                group.create_task(_pump(back, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            for each in (writer, on):
                if each is not None:
                    each.transport.abort()
            self._running.discard(me)

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Refused by one, it asks the next."""
        while True:
            self._turn += 1
            for place in self._up[self._turn % max(1, len(self._up)) :] + self._up:
                with contextlib.suppress(OSError):
                    return await asyncio.open_connection(*place)
            await asyncio.sleep(LOOK_SECONDS)


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK):
            sink.write(chunk)
            await sink.drain()
    finally:
        sink.close()


async def _available(place: tuple[str, int]) -> bool:
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(1):
            reader, writer = await asyncio.open_connection(*place)
            writer.write(b"GET /v1/available HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            return b" 200 " in await reader.readline()
    except (OSError, TimeoutError):
        return False
    finally:
        if writer is not None:
            writer.transport.abort()


def _place(controller: Program) -> tuple[str, int]:
    host, _, port = str(controller.ready["listening"]).removeprefix("http://").rpartition(":")
    return host, int(port)


@dataclass
class Several:
    folder: Path
    postgres: PrivatePostgres
    agent: Program
    coordination: tuple[str, ...] = ()  # arguments of each controller
    balancer: Balancer = field(default_factory=Balancer)
    seeded: Seeded = field(default_factory=lambda: Seeded("", ""))

    @property
    def controllers(self) -> list[Program]:
        return self.balancer.controllers

    async def start(self, controllers: int) -> None:
        self.postgres.create()
        self.postgres.start()
        await self.agent.start()
        await self.balancer.start()
        for number in range(1, controllers + 1):
            controller = self._controller(f"c{number}")
            self.controllers.append(controller)
            await controller.start()  # one after the other: the first makes the schema
        self.seeded = await asyncio.to_thread(self._seed)

    def _controller(self, name: str) -> Program:
        return Program(
            "photon.controller",
            self.folder / f"{name}.log",
            *("--data-dir", str(self.folder / name), "--listen", ANY_PORT, "--name", name),
            *("--store", self.postgres.url(), "--images-dir", str(self.folder / "images")),
            *("--lease-seconds", LEASE_SECONDS, "--farewell-seconds", FAREWELL_SECONDS),
            *self.coordination,
        )

    def _seed(self) -> Seeded:
        with Client(self.balancer.url) as client:
            endpoint = str(self.agent.ready["listen"])
            return seed(client, endpoint, addresses_of(HOSTS_SERVED), self.folder)

    async def end(self) -> None:
        for controller in self.controllers:
            await controller.end()
        await self.balancer.close()
        await self.agent.end()
        self.postgres.remove()
        shutil.rmtree(self.postgres.folder.parent)

    async def audited(self) -> tuple[int, Sequence[Violation], int]:
        """When all controllers have stopped: open tasks, what is wrong, and members."""
        clock = RealClock()
        store = await open_store(self.postgres.url(), NOUNS, clock)
        agents = AgentClient(TcpNetwork(), clock)
        try:
            hosts = (await store.page(HOSTS, {}, limit=500)).items
            inventories = [
                await agents.inventory(HostAddress(host.agent_endpoint, host.id)) for host in hosts
            ]
            states = ("QUEUED", "STARTED")
            tasks = sum([await store.count(TASKS, {"state": state}) for state in states])
            return tasks, await audit(store, inventories), await store.count(MEMBERS, {})
        finally:
            await agents.close()
            await store.close()


def _short_place() -> Path:
    """A socket's path is short, and its folder not root's alone."""
    place = Path(tempfile.mkdtemp(prefix="photon-pg-"))
    place.chmod(0o711)
    return place


async def start_several(
    folder: Path, controllers: int, coordination: tuple[str, ...] = ()
) -> Several:
    latencies = [part for each in LATENCIES for part in ("--latency", each)]
    agent = Program(
        "photon.agent",
        folder / "agent.log",
        *("--driver", "simulated", "--hosts", str(HOSTS_SERVED), "--listen", ANY_PORT),
        *("--state-dir", str(folder / "agent"), *latencies),
    )
    several = Several(folder, PrivatePostgres(_short_place() / "s", FORGETFUL), agent, coordination)
    try:
        await several.start(controllers)
    except BaseException:
        await several.end()
        raise
    return several
