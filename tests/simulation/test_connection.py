"""Connections of the simulated network end as TCP's do."""

from __future__ import annotations

import asyncio
from random import Random

from photon.simulation.loop import SimulatedLoop
from photon.simulation.network import SimulatedNetwork
from photon.simulation.process import Process
from photon.simulation.trace import Trace


class Side(asyncio.Protocol):
    """One end: what it read, and how it ended."""

    def __init__(self) -> None:
        self.read = b""
        self.ended: list[Exception | None] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.read += data

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)


def test_who_writes_to_an_end_that_closed_while_cut_off_is_told() -> None:
    loop = SimulatedLoop()
    network = SimulatedNetwork(loop, Random(1), Trace(loop.time))
    there, here = Side(), Side()

    async def scene() -> None:
        server, client = Process("server", loop), Process("client", loop)
        await network.of(server).listen("server:1", lambda: there)
        await network.of(client).connect("server:1", lambda: here)
        here.transport.write(b"first")
        await asyncio.sleep(1.0)
        network.conditions.dark.add("server")
        there.transport.close()
        await asyncio.sleep(60.0)
        assert here.ended == [], "nobody can have told it"
        network.conditions.dark.discard("server")
        here.transport.write(b"second")
        await asyncio.sleep(1.0)

    loop.run_until_complete(loop.create_task(scene(), context=loop.outside.context.copy()))
    loop.bury()
    assert there.read == b"first"
    assert [type(problem) for problem in here.ended] == [ConnectionResetError]
