"""What a controller sees of agents that are slow, gone, back again, or not quite agents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from photon.agent_client.address import HostAddress
from photon.agent_client.client import TRIES_MAX, AgentClient
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.lines import Lines
from photon.domain.errors import Kind
from photon.domain.guest import AgentRefusal, Refusal
from photon.outside.clock import RealClock
from photon.rpc.agent_messages import agent_service, refusal_of, refusal_to
from photon.rpc.errors import ConnectFailed
from photon.rpc.network import TcpNetwork, Wire
from photon.rpc.server import Server
from tests.agent.conftest import Plane, a_spec
from tests.drivers.arrange import refused


class CountingNetwork(TcpNetwork):
    """TCP that counts, and that can be told to fail first."""

    def __init__(self) -> None:
        super().__init__()
        self.connects = 0
        self.failures_left = 0

    async def connect(self, endpoint: str, make_wire: Callable[[], Wire]) -> Wire:
        self.connects += 1
        if self.failures_left:
            self.failures_left -= 1
            raise ConnectFailed("told to fail")
        return await super().connect(endpoint, make_wire)


class QuickClock(RealClock):
    """Pauses between tries take no time, and are noted."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


class Scene:
    """An agent whose answers a test writes, and a client of it."""

    def __init__(self) -> None:
        self.network = CountingNetwork()
        self.clock = QuickClock()
        self.client = AgentClient(self.network, self.clock)
        self.handlers: dict[str, Callable[..., Awaitable[Any]]] = dict.fromkeys(
            agent_service().methods, self._answer_nothing
        )
        self.handlers["ping"] = self._ping
        self.endpoint = "127.0.0.1:0"
        self.calls = 0
        self.server: Server | None = None

    @property
    def host(self) -> HostAddress:
        return HostAddress(self.endpoint, "host-1")

    async def start(self) -> None:
        self.server = Server(agent_service(), self.handlers)
        self.endpoint = await self.server.start(TcpNetwork(), self.endpoint)

    async def stop(self) -> None:
        assert self.server is not None
        await self.server.stop(0)

    async def _ping(self) -> str:
        self.calls += 1
        return "1"

    async def _answer_nothing(self, *_arguments: Any) -> None:
        self.calls += 1


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.start()
    yield scene
    await scene.client.close()
    await scene.stop()


async def test_all_calls_to_an_endpoint_share_one_connection(scene: Scene) -> None:
    await asyncio.gather(*(scene.client.ping(scene.endpoint) for _ in range(100)))
    assert scene.network.connects == 1


async def test_a_connection_that_cannot_be_made_is_tried_again(scene: Scene) -> None:
    scene.network.failures_left = TRIES_MAX - 1
    assert await scene.client.ping(scene.endpoint) == "1"
    assert scene.network.connects == TRIES_MAX
    assert len(scene.clock.pauses) == TRIES_MAX - 1
    assert scene.clock.pauses == sorted(set(scene.clock.pauses))


async def test_after_the_last_try_the_agent_is_unreachable(scene: Scene) -> None:
    scene.network.failures_left = 99
    with pytest.raises(AgentUnreachable) as raised:
        await scene.client.ping(scene.endpoint)
    assert scene.network.connects == TRIES_MAX
    error = raised.value
    assert (error.code, error.kind) == ("InternalError", Kind.UNAVAILABLE)
    assert scene.endpoint in error.message
    assert "ping" in error.message


async def test_a_call_that_was_cut_off_is_made_again(scene: Scene) -> None:
    async def cut_off_once() -> str:
        scene.calls += 1
        if scene.calls == 1:
            assert scene.server is not None
            for connection in list(scene.server.connections):
                connection.close()
        return "1"

    scene.handlers["ping"] = cut_off_once
    assert await scene.client.ping(scene.endpoint) == "1"
    assert scene.calls == 2
    assert scene.network.connects == 2


async def test_a_restarted_agent_is_found_again(scene: Scene) -> None:
    await scene.client.ping(scene.endpoint)
    await scene.stop()
    await scene.start()
    assert await scene.client.ping(scene.endpoint) == "1"


async def test_a_refusal_is_not_tried_again(scene: Scene) -> None:
    async def refuse(*_arguments: Any) -> None:
        scene.calls += 1
        raise refusal_to(Refusal(AgentRefusal.NOT_ENOUGH_CPU, "It is full.", free=3))

    scene.handlers["create_vm"] = refuse
    with pytest.raises(Refusal) as raised:
        await scene.client.create_vm(scene.host, 1, a_spec())
    assert (raised.value.code, raised.value.facts) == (AgentRefusal.NOT_ENOUGH_CPU, {"free": "3"})
    assert scene.calls == 1


async def test_a_reason_that_is_newer_than_this_program_is_a_driver_failure() -> None:
    refused_later = refusal_to(Refusal(AgentRefusal.BUSY, "Moon phase."))
    refused_later.code = "WRONG_MOON"
    assert refusal_of(refused_later).code is AgentRefusal.DRIVER_FAILED


async def test_silence_for_the_whole_deadline_is_unreachable_and_not_tried_again(
    scene: Scene,
) -> None:
    forever = asyncio.Event()

    async def stay_silent(*_arguments: Any) -> None:
        scene.calls += 1
        await forever.wait()

    scene.handlers["create_vm"] = stay_silent
    with pytest.raises(AgentUnreachable):
        await scene.client.create_vm(scene.host, 1, a_spec(), deadline_seconds=0.01)
    assert scene.calls == 1
    forever.set()


async def test_an_answer_that_makes_no_sense_is_the_agents_fault(scene: Scene) -> None:
    with pytest.raises(AgentFaulty) as raised:  # no result at all
        await scene.client.create_vm(scene.host, 1, a_spec())
    assert raised.value.kind is Kind.BUG

    async def half_a_guest(*_arguments: Any) -> Any:
        return agent_service().structs.Guest("vm-1")

    scene.handlers["create_vm"] = half_a_guest
    with pytest.raises(AgentFaulty, match="lacks"):
        await scene.client.create_vm(scene.host, 1, a_spec())


async def test_a_specification_that_no_agent_takes_is_not_sent_on(scene: Scene) -> None:
    with pytest.raises(AgentFaulty):
        await scene.client.create_vm(scene.host, 1, a_spec(cpus=2**40))
    assert scene.calls == 0


async def test_unused_connections_beyond_the_limit_are_closed(scene: Scene) -> None:
    others = [Server(agent_service(), scene.handlers) for _ in range(2)]
    second, third = [await server.start(TcpNetwork(), "127.0.0.1:0") for server in others]
    lines = Lines(scene.network, agent_service(), idle_max=1)
    answered = asyncio.Event()

    async def ping_late() -> str:
        await answered.wait()
        return "1"

    scene.handlers["ping"] = ping_late
    to_first = await lines.to(scene.endpoint)
    busy = asyncio.create_task(to_first.call("ping", (), 5.0))
    await asyncio.sleep(0)
    to_second = await lines.to(second)
    assert to_first.is_open  # in use
    assert to_second.is_open  # the newest
    answered.set()
    await busy
    to_third = await lines.to(third)
    assert (to_first.is_open, to_second.is_open, to_third.is_open) == (False, False, True)
    await lines.close()
    assert not to_third.is_open
    for server in others:
        await server.stop(0)


async def test_one_who_gives_up_does_not_take_the_connection_from_the_others() -> None:
    class SlowNetwork(TcpNetwork):
        go = asyncio.Event()

        async def connect(self, endpoint: str, make_wire: Callable[[], Wire]) -> Wire:
            await self.go.wait()
            return await super().connect(endpoint, make_wire)

    scene = Scene()
    await scene.start()
    network = SlowNetwork()
    lines = Lines(network, agent_service())
    hasty = asyncio.create_task(lines.to(scene.endpoint))
    patient = asyncio.create_task(lines.to(scene.endpoint))
    await asyncio.sleep(0)
    hasty.cancel()
    await asyncio.sleep(0)
    network.go.set()
    assert (await patient).is_open
    await lines.close()
    await scene.stop()


@pytest.mark.parametrize("bad_id", ["", "../up", "a/b", "a\tb", "a\nb", ".hidden", "x" * 129])
async def test_an_id_that_could_be_a_path_is_refused(plane: Plane, bad_id: str) -> None:
    if isinstance(plane.agents, AgentClient):
        with pytest.raises(AgentFaulty):
            await plane.agents.create_vm(plane.host, 1, a_spec(bad_id))
        with pytest.raises(AgentFaulty):
            await plane.agents.delete_disk(plane.host, 1, bad_id)
    with refused(AgentRefusal.HOST_NOT_FOUND):
        await plane.agents.inventory(HostAddress(plane.endpoint, bad_id))
