"""A real server on a real socket, with handlers that a test steers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from photon.rpc.agent_messages import agent_service
from photon.rpc.connection import CallLimits, Connection, connect
from photon.rpc.network import TcpNetwork, split_endpoint
from photon.rpc.server import Server, ServerLimits

SECONDS = 20.0  # Longer than any of these takes; a test that needs it all has failed.


class Bench:
    """A server and what a test wants to know about it."""

    def __init__(self) -> None:
        self.service = agent_service()
        self.gate = asyncio.Event()  # `inventory` waits for it
        self.running = 0
        self.running_most = 0
        self.seen: list[str] = []
        self.network = TcpNetwork()
        self.endpoint = ""
        self.server: Server | None = None
        self._connections: list[Connection] = []
        self._handlers: dict[str, Callable[..., Awaitable[Any]]] = {
            **dict.fromkeys(self.service.methods, self._refuse),
            "ping": self._ping,
            "inventory": self._wait,
            "set_mode": self._break,
            "deprovision": self._nothing,
        }

    async def start(self, limits: ServerLimits | None = None) -> None:
        self.server = Server(self.service, self._handlers, limits)
        self.endpoint = await self.server.start(self.network, self.endpoint or "127.0.0.1:0")

    async def connect(self, limits: CallLimits | None = None) -> Connection:
        connection = await connect(self.network, self.endpoint, self.service, limits)
        self._connections.append(connection)
        return connection

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(*split_endpoint(self.endpoint))

    async def stop(self) -> None:
        self.gate.set()
        for connection in self._connections:
            connection.close()
        if self.server is not None:
            await self.server.stop(SECONDS)

    async def _ping(self) -> str:
        return "pong"

    async def _nothing(self, host_id: str, fence: int) -> None:
        self.seen.append(host_id)

    async def _break(self, host_id: str, fence: int, mode: int) -> None:
        raise RuntimeError("a mistake of ours")

    async def _refuse(self, *_arguments: Any) -> None:
        raise self.service.structs.Refused("BUSY", "not now", {"why": "test"})

    async def _wait(self, host_id: str) -> Any:
        self.running += 1
        self.running_most = max(self.running_most, self.running)
        self.seen.append(host_id)
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        structs = self.service.structs
        capacity = structs.HostCapacity(1, 1, [], [], "none")
        return structs.Inventory(host_id, 1, 1, capacity, [], [], [])


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.stop()
