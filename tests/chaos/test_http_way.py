"""A way over HTTP answers once, or is lost; it never sends twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from photon.chaos.http_way import HttpWay
from photon.workload.way import Lost

ANSWER = b"HTTP/1.1 201 Created\r\nX-Api-Version: 1.0\r\ncontent-length: 2\r\n\r\n{}"
STREAM = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nevent: started\n\n"


class Server:
    """Gives each request the next of its answers; None: it hangs up."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: list[bytes | None] = []
        self.heard: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.append(await reader.readuntil(b"\r\n\r\n"))
        answer = self.answers.pop(0) if self.answers else b""
        if answer == b"":
            await reader.read()  # It never answers; the caller hangs up.
        elif answer is not None:
            writer.write(answer)
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    host, port = listening.sockets[0].getsockname()
    server.url = f"http://{host}:{port}"
    async with listening:
        yield server


@pytest.fixture
async def way(server: Server) -> AsyncIterator[HttpWay]:
    way = HttpWay(server.url)
    yield way
    await way.close()


async def test_an_answer_has_its_headers_in_lower_case(way: HttpWay, server: Server) -> None:
    server.answers = [ANSWER]
    answer = await way.request("POST", "/v1/tenants?a=b", b"{}", {"idempotency-key": "k"})
    assert (answer.status, answer.body) == (201, b"{}")
    assert answer.headers["x-api-version"] == "1.0"
    assert server.heard[0].startswith(b"POST /v1/tenants?a=b HTTP/1.1\r\n")
    assert b"idempotency-key: k" in server.heard[0]


async def test_who_hangs_up_is_lost_and_not_asked_again(way: HttpWay, server: Server) -> None:
    server.answers = [None, ANSWER]
    with pytest.raises(Lost):
        await way.request("GET", "/v1/available", b"", {})
    assert len(server.heard) == 1


async def test_who_does_not_answer_in_time_is_lost(way: HttpWay) -> None:
    with pytest.raises(Lost):
        await way.request("GET", "/v1/available", b"", {}, seconds=0.1)


async def test_nobody_there_is_lost() -> None:
    way = HttpWay("http://127.0.0.1:1")
    with pytest.raises(Lost):
        await way.request("GET", "/v1/available", b"", {})
    await way.close()


async def test_a_stream_ends_as_lost_after_its_last_piece(way: HttpWay, server: Server) -> None:
    server.answers = [STREAM]
    stream = way.watch("/v1/vms?watch=true", {})
    pieces = [await anext(stream)]
    with pytest.raises(Lost):
        pieces.append(await anext(stream))
    assert b"".join(pieces) == b"event: started\n\n"
