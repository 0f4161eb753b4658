"""What the simulated network does to connections, as its conditions are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeVar

import pytest

from photon.rpc.errors import ConnectFailed
from photon.simulation.loop import SimulatedLoop
from photon.simulation.network import SimulatedNetwork
from photon.simulation.process import Process
from photon.simulation.trace import Trace

T = TypeVar("T")
FRAMES = [len(text).to_bytes(4, "big") + text for text in (b"one", b"two", b"three", b"four")]


@dataclass
class Wire(asyncio.Protocol):
    """Keeps what comes, when it came, and how it ended."""

    clock: Callable[[], float]
    heard: list[bytes] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    ended: list[Exception | None] = field(default_factory=list)
    transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard.append(data)
        self.at.append(self.clock())

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.append(exc)


class Rig:
    def __init__(self) -> None:
        self.loop = SimulatedLoop()
        self.network = SimulatedNetwork(self.loop, Random(1), Trace(self.loop.time))
        self.conditions = self.network.conditions
        self.client = Process("client", self.loop)
        self.server = Process("server", self.loop)
        self.accepted: list[Wire] = []

    def accept(self) -> Wire:
        self.accepted.append(Wire(self.loop.time))
        return self.accepted[-1]

    async def connected(self) -> tuple[Wire, Wire]:
        await self.network.of(self.server).listen("server:1", self.accept)
        mine = self.network.of(self.client)
        wire = await mine.connect("server:1", lambda: Wire(self.loop.time))
        await asyncio.sleep(0.1)
        return wire, self.accepted[0]

    def run(self, scene: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self.loop.run_until_complete(self.client.create_task(scene()))


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    yield made
    made.loop.bury()


def send(wire: Wire) -> None:
    for frame in FRAMES:
        wire.transport.write(frame)


def test_what_is_written_comes_in_order_and_after_a_delay(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        began = rig.loop.time()
        send(here)
        await asyncio.sleep(1)
        assert there.heard == FRAMES
        assert all(0.0002 <= at - began <= 0.001 for at in there.at)

    rig.run(scene)


def test_nobody_listens_at_a_door_that_is_not_there(rig: Rig) -> None:
    async def scene() -> None:
        with pytest.raises(ConnectFailed, match="nobody listens"):
            await rig.network.of(rig.client).connect("server:1", rig.accept)

    rig.run(scene)


def test_a_cut_delays_what_was_written_until_it_is_healed(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        rig.conditions.partition([["client"], ["server"]])
        send(here)
        await asyncio.sleep(5)
        assert there.heard == []
        rig.conditions.heal()
        await asyncio.sleep(10)
        assert there.heard == FRAMES

    rig.run(scene)


def test_a_cut_that_lasts_ends_the_connection_at_the_writer(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        rig.conditions.partition([["client"], ["server"]])
        send(here)
        await asyncio.sleep(120)
        assert [type(problem) for problem in here.ended] == [TimeoutError]
        assert there.heard == []

    rig.run(scene)


def test_a_cut_in_one_direction_lets_the_other_through(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        rig.conditions.one_way.add(("client", "server"))
        send(here)
        send(there)
        await asyncio.sleep(1)
        assert (here.heard, there.heard) == (FRAMES, [])

    rig.run(scene)


def test_who_dies_resets_its_connections_unless_its_machine_dies_too(rig: Rig) -> None:
    async def scene() -> None:
        here, _ = await rig.connected()
        rig.server.kill()
        await asyncio.sleep(1)
        assert [type(problem) for problem in here.ended] == [ConnectionResetError]

    rig.run(scene)


def test_a_machine_without_power_says_nothing(rig: Rig) -> None:
    async def scene() -> None:
        here, _ = await rig.connected()
        rig.conditions.dark.add("server")
        rig.server.kill(silently=True)
        send(here)
        await asyncio.sleep(60)
        assert here.ended == []

    rig.run(scene)


def test_frames_come_twice_and_overtake_each_other_but_are_whole(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        link = rig.conditions.everywhere
        rig.conditions.everywhere = replace(link, duplicate=0.5, reorder=0.5)
        for _ in range(50):
            here.transport.write(b"".join(FRAMES))
        await asyncio.sleep(5)
        assert set(there.heard) == set(FRAMES)
        assert len(there.heard) > 200
        assert there.heard[:8] != [*FRAMES, *FRAMES]

    rig.run(scene)


def test_a_loss_delays_all_that_follows_or_ends_the_connection_at_both_ends(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        link = rig.conditions.everywhere
        rig.conditions.everywhere = replace(link, loss=0.05)
        for _ in range(100):
            send(here)
        await asyncio.sleep(60)
        whole = FRAMES * 100
        assert there.heard == whole[: len(there.heard)]
        assert len(there.heard) < len(whole), "of 400 frames, some loss breaks"
        assert len(here.ended) == len(there.ended) == 1

    rig.run(scene)


def test_what_comes_while_reading_is_paused_is_read_later(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        there.transport.pause_reading()
        send(here)
        await asyncio.sleep(1)
        assert there.heard == []
        there.transport.resume_reading()
        await asyncio.sleep(1)
        assert there.heard == FRAMES

    rig.run(scene)


def test_what_was_written_before_a_close_is_still_read(rig: Rig) -> None:
    async def scene() -> None:
        here, there = await rig.connected()
        send(here)
        here.transport.close()
        await asyncio.sleep(1)
        assert (there.heard, there.ended) == (FRAMES, [None])

    rig.run(scene)
