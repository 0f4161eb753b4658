"""Whatever comes over the socket, the server goes on serving everybody else."""

from __future__ import annotations

import asyncio
import struct

import pytest
from thriftpy2.thrift import TApplicationException

from photon.rpc.messages import Messages
from photon.rpc.server import ServerLimits
from tests.rpc.conftest import SECONDS, Bench


async def closed_after(bench: Bench, sent: bytes) -> bytes:
    """What the server says until it hangs up."""
    reader, writer = await bench.raw()
    writer.write(sent)
    try:
        async with asyncio.timeout(SECONDS):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def a_call(bench: Bench, name: str, arguments: tuple[object, ...]) -> bytes:
    return Messages(bench.service).call(bench.service.methods[name], 1, arguments)


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack(">I", 0),
        struct.pack(">I", 2**32 - 1),
        struct.pack(">I", (1 << 20) + 1),
        b"GET / HTTP/1.1\r\nHost: agent\r\n\r\n",
        struct.pack(">I", 8) + b"\x80\x01\x00\x01\x00\x00\x00\x04",
        struct.pack(">I", 20)
        + b"\x82\x21\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x00\x00\x00\x00",
        struct.pack(">I", 17) + b"\x80\x01\x00\x02\x00\x00\x00\x04ping\x00\x00\x00\x01\x00",
        struct.pack(">I", 22)
        + b"\x80\x01\x00\x01\x00\x00\x00\x04ping\x00\x00\x00\x01\x0f\x00\x63\x63\x7f\xff",
    ],
)
async def test_bytes_that_are_no_call_end_the_connection(bench: Bench, sent: bytes) -> None:
    await bench.start()
    honest = await bench.connect()
    assert await closed_after(bench, sent) == b""
    assert await honest.call("ping", (), SECONDS) == "pong"


async def test_an_unknown_method_is_answered_and_the_connection_goes_on(bench: Bench) -> None:
    await bench.start()
    reader, writer = await bench.raw()
    stranger = a_call(bench, "ping", ()).replace(b"ping", b"pong")
    writer.write(stranger + a_call(bench, "ping", ()))
    head = await reader.readexactly(4)
    fault = await reader.readexactly(struct.unpack(">I", head)[0])
    messages = Messages(bench.service)
    _, answer = messages.read_reply(fault, {1: bench.service.methods["ping"]})
    assert isinstance(answer, TApplicationException)
    assert answer.type == TApplicationException.UNKNOWN_METHOD
    head = await reader.readexactly(4)
    assert b"ping" in await reader.readexactly(struct.unpack(">I", head)[0])
    writer.close()


async def test_a_call_that_comes_byte_by_byte_is_served(bench: Bench) -> None:
    await bench.start()
    reader, writer = await bench.raw()
    for byte in a_call(bench, "ping", ()):
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(SECONDS):
        assert await reader.readexactly(4)
    writer.close()


async def test_a_call_that_is_never_finished_ends_the_connection(bench: Bench) -> None:
    await bench.start(ServerLimits(partial_frame_seconds=0.01, sweep_seconds=0.01))
    assert await closed_after(bench, b"\0\0\0\x20half a call") == b""


async def test_a_connection_that_says_nothing_is_closed(bench: Bench) -> None:
    await bench.start(ServerLimits(idle_seconds=0.01, sweep_seconds=0.01))
    assert await closed_after(bench, b"") == b""


async def test_a_connection_with_a_call_running_is_not_idle(bench: Bench) -> None:
    await bench.start(ServerLimits(idle_seconds=0.01, sweep_seconds=0.005))
    connection = await bench.connect()
    call = asyncio.create_task(connection.call("inventory", ("h1",), SECONDS))
    await asyncio.sleep(0.1)
    bench.gate.set()
    assert (await call).host_id == "h1"


async def test_connections_beyond_the_limit_are_turned_away(bench: Bench) -> None:
    await bench.start(ServerLimits(connections_max=1))
    honest = await bench.connect()
    assert await honest.call("ping", (), SECONDS) == "pong"
    assert await closed_after(bench, a_call(bench, "ping", ())) == b""
    assert await honest.call("ping", (), SECONDS) == "pong"


async def test_who_does_not_read_answers_gets_to_ask_no_more(bench: Bench) -> None:
    await bench.start()
    reader, writer = await bench.raw()
    call = a_call(bench, "ping", ())
    writer.write(call * 100_000)
    assert bench.server is not None
    honest = await bench.connect()
    assert await honest.call("ping", (), SECONDS) == "pong"
    served = max(connection._answered for connection in bench.server.connections)
    assert served < 100_000
    async with asyncio.timeout(SECONDS):
        for _ in range(100_000):
            length = struct.unpack(">I", await reader.readexactly(4))[0]
            await reader.readexactly(length)
    writer.close()
