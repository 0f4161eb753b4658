"""HTTP/1.1 on a real socket: whatever way a request takes, its answer is the same."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from photon.api.direct import DirectEdge, PlainRequest, PlainRoute, Reply
from photon.api.request import BODY_BYTES_MAX
from photon.api.routes import ROUTES
from photon.controller.http_protocol import HEAD_BYTES_MAX, protocol_with
from photon.domain.task import Task
from photon.store.nouns import TASKS
from photon.store.protocol import Insert
from tests.api.rig import Api

JSON = "content-type: application/json\r\n"
TOO_MUCH = BODY_BYTES_MAX + 1
Answer = tuple[int, dict[str, str], bytes]


class CountingEdge(DirectEdge):
    """Counts what takes the short way."""

    count = 0

    async def answer(self, plain: PlainRoute, path: dict[str, str], asked: PlainRequest) -> Reply:
        self.count += 1
        return await super().answer(plain, path, asked)


class Served:
    """An API behind uvicorn, on a port of its own."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.edge = CountingEdge(api.plane, ROUTES)
        self.protocol = protocol_with(api.ids, self.edge)
        self.server = uvicorn.Server(
            uvicorn.Config(
                api.app,
                port=0,
                http=self.protocol,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
            )
        )

    async def start(self) -> None:
        self.server.config.load()
        self.server.lifespan = self.server.config.lifespan_class(self.server.config)
        await self.server.startup()
        await self.server.on_tick(0)  # writes the date, as each second does
        self.port = self.server.servers[0].sockets[0].getsockname()[1]

    async def line(self) -> Line:
        return Line(*await asyncio.open_connection("127.0.0.1", self.port))


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def say(self, method: str, path: str, body: bytes = b"", more: str = JSON) -> None:
        length = f"content-length: {len(body)}\r\n" if body else ""
        self.send(f"{method} {path} HTTP/1.1\r\nhost: api.test\r\n{more}{length}\r\n", body)

    def send(self, text: str, body: bytes = b"") -> None:
        self._writer.write(text.encode("latin-1") + body)

    async def drain(self) -> None:
        await self._writer.drain()

    async def hear(self, *, bodyless: bool = False) -> Answer:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        length = 0 if bodyless else int(headers["content-length"])
        return int(first.split()[1]), headers, await self._reader.readexactly(length)

    async def ask(self, method: str, path: str, body: bytes = b"", more: str = JSON) -> Answer:
        self.say(method, path, body, more)
        return await self.hear()

    async def ended(self) -> bool:
        return await self._reader.read(1) == b""

    async def close(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    api = Api(tmp_path)
    await api.open()
    served = Served(api)
    await served.start()
    yield served
    api.waiting.close()
    await served.server.shutdown()
    await api.close()


@pytest.fixture
async def line(served: Served) -> AsyncIterator[Line]:
    line = await served.line()
    yield line
    await line.close()


def plainly(answer: Answer) -> tuple[int, dict[str, str], Any]:
    """Without what differs from one request to the next."""
    status, headers, body = answer
    unlike = ("request-id", "date", "content-length")
    kept = {name: value for name, value in headers.items() if name not in unlike}
    said = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID", body.decode())
    return status, kept, re.sub(r"\d{13}", "TIME", said)


async def test_a_line_serves_one_request_after_the_other(served: Served, line: Line) -> None:
    for name in ("one", "two"):
        status, headers, body = await line.ask(
            "POST", "/v1/tenants", b'{"name": "%s"}' % name.encode()
        )
        assert (status, headers["content-type"]) == (201, "application/json")
        assert headers["x-api-version"] == "1.0"
        assert len(headers["request-id"]) == 36
        assert "date" in headers
        assert "connection" not in headers
        task = json.loads(body)
        assert task["selfLink"] == f"http://api.test/v1/tasks/{task['id']}"
        assert (await line.ask("GET", f"/v1/tasks/{task['id']}"))[2] == body
    assert served.edge.count == 4


@pytest.mark.parametrize("path", ["/v1/tenants", "/v1/tenant%73"])  # the short way, and Falcon's
async def test_behind_a_proxy_that_ends_tls_self_links_say_so(
    served: Served, line: Line, path: str
) -> None:
    for said, scheme in (("https", "https"), ("http", "http"), ("gopher", "http")):
        more = f"{JSON}x-forwarded-proto: {said}\r\nx-forwarded-host: elsewhere\r\n"
        body = b'{"name": "%s"}' % said.encode()
        task = json.loads((await line.ask("POST", path, body, more))[2])
        assert task["selfLink"] == f"{scheme}://api.test/v1/tasks/{task['id']}"
    assert served.edge.count == (0 if "%" in path else 3)


async def test_requests_may_come_before_the_answer_to_the_last(line: Line) -> None:
    for number in range(5):
        line.say("POST", "/v1/tenants", b'{"name": "t%d"}' % number)
        line.say("GET", f"/v1/tenants?name=t{number}")
    for number in range(5):
        assert (await line.hear())[0] == 201
        status, _, body = await line.hear()
        assert (status, json.loads(body)["items"][0]["name"]) == (200, f"t{number}")


SAME: list[tuple[str, str, bytes, str]] = [
    ("POST", "/v1/tenants", b'{"name": "n"}', JSON),
    ("POST", "/v1/tenants", b'{"name": "-"}', JSON),
    ("POST", "/v1/tenants", b"{", JSON),
    ("POST", "/v1/tenants", b"<a/>", "content-type: text/xml\r\n"),
    ("POST", "/v1/tenants", b'{"name": "n"}', ""),
    ("POST", "/v1/tenants", b'{"name": "n"}', JSON + "idempotency-key: \r\n"),
    ("POST", "/v1/tenants", b'{"name": "n"}', JSON + "idempotency-key: k\r\n"),
    ("GET", "/v1/tenants", b"", ""),
    ("GET", "/v1/tenants?pageSize=x", b"", ""),
    ("GET", "/v1/tenants/unknown", b"", ""),
    ("GET", "/v1/available", b"ignored", JSON),
    ("DELETE", "/v1/tenants/unknown", b"", ""),
    ("GET", "/v1/nothing", b"", ""),
    ("GET", "/v1/tenants/", b"", ""),
    ("GET", "/v1/tenants/{}", b"", ""),
    ("GET", "/v1/tenants//tasks", b"", ""),
    ("GET", "/v1/tenants/%6eothing", b"", ""),
    ("PUT", "/v1/tenants", b"", ""),
    ("OPTIONS", "/v1/tenants", b"", ""),
]


@pytest.mark.parametrize(("method", "path", "body", "more"), SAME)
async def test_both_ways_answer_alike(
    tmp_path: Path, method: str, path: str, body: bytes, more: str
) -> None:
    """A second header of a name is what the short way leaves to Falcon."""
    answers = []
    for twice in ("", "x-a: 1\r\nx-a: 2\r\n"):
        folder = tmp_path / str(len(twice))
        folder.mkdir()
        api = Api(folder)
        await api.open()
        served = Served(api)
        await served.start()
        line = await served.line()
        answers.append(plainly(await line.ask(method, path, body, more + twice)))
        assert not twice or served.edge.count == 0
        await line.close()
        await served.server.shutdown()
        await api.close()
    assert answers[0] == answers[1]


async def test_a_body_that_comes_in_parts_is_waited_for(served: Served, line: Line) -> None:
    line.send(f"POST /v1/tenants HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 13\r\n\r\n", b'{"nam')
    await line.drain()
    await asyncio.sleep(0)
    line.send('e": "n"}')
    assert (await line.hear())[0] == 201
    line.send(f"POST /v1/tenants HTTP/1.1\r\nhost: a\r\n{JSON}transfer-encoding: chunked\r\n\r\n")
    for part in (b'{"name"', b': "m"}', b""):
        line.send(f"{len(part):x}\r\n", part + b"\r\n")
        await line.drain()
    assert (await line.hear())[0] == 201
    assert (await line.ask("GET", "/v1/available"))[0] == 200


async def test_who_asks_for_one_answer_gets_one(line: Line) -> None:
    status, headers, _ = await line.ask("GET", "/v1/available", more="connection: close\r\n")
    assert (status, headers["connection"]) == (200, "close")
    assert await line.ended()


async def test_head_has_no_body(line: Line) -> None:
    line.say("HEAD", "/v1/tenants", more="")
    assert (await line.hear(bodyless=True))[0] == 405
    assert (await line.ask("GET", "/v1/available"))[0] == 200


async def test_a_client_that_asks_first_is_told_to_go_on(line: Line) -> None:
    line.send(
        f"POST /v1/tenants HTTP/1.1\r\nhost: a\r\n{JSON}content-length: 13\r\n"
        "expect: 100-continue\r\n\r\n"
    )
    assert (await line.hear(bodyless=True))[0] == 100
    line.send('{"name": "n"}')
    assert (await line.hear())[0] == 201


async def test_a_body_beyond_the_limit_ends_the_line(line: Line) -> None:
    line.send(f"POST /v1/tenants HTTP/1.1\r\nhost: a\r\n{JSON}content-length: {TOO_MUCH}\r\n\r\nx")
    status, headers, _ = await line.hear()
    assert (status, headers["connection"]) == (413, "close")
    assert await line.ended()


async def test_a_head_beyond_the_limit_ends_the_line(line: Line) -> None:
    line.send("GET /v1/available HTTP/1.1\r\nhost: a\r\n")
    line.send("x: " + "a" * (HEAD_BYTES_MAX + 1))
    assert (await line.hear())[0] == 400
    assert await line.ended()


@pytest.mark.parametrize(
    "text", ["nonsense\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "GET /\x01 HTTP/1.1\r\n\r\n"]
)
async def test_what_is_no_http_is_refused_in_our_own_words(line: Line, text: str) -> None:
    line.send(text)
    status, headers, body = await line.hear()
    assert (status, json.loads(body)["code"]) == (400, "InvalidEntity")
    assert len(headers["request-id"]) == 36
    assert await line.ended()


@pytest.mark.parametrize("more", ["host", f"host: a\r\n{JSON}content-length: 13\r\n\r\n"])
async def test_a_head_that_never_ends_is_not_waited_for(
    served: Served, line: Line, more: str
) -> None:
    """Nor a body that never begins."""
    served.protocol.head_seconds_max = 0.01
    line.send(f"POST /v1/tenants HTTP/1.1\r\n{more}")
    assert await line.ended()


async def test_who_leaves_is_not_waited_for_any_more(served: Served) -> None:
    other = await served.line()
    other.say("GET", f"/v1/tasks/{await _an_open_task(served.api)}?wait=60")
    await other.drain()
    await waited_for(served.api, 1)
    await other.close()
    await waited_for(served.api, 0)


async def test_a_long_poll_is_answered_when_the_server_ends(served: Served) -> None:
    line = await served.line()
    line.say("GET", f"/v1/tasks/{await _an_open_task(served.api)}?wait=60")
    await line.drain()
    await waited_for(served.api, 1)
    ending = asyncio.ensure_future(served.server.shutdown())
    await asyncio.sleep(0)
    served.api.waiting.close()
    status, headers, _ = await line.hear()
    assert (status, headers["connection"]) == (200, "close")
    assert await line.ended()
    await ending
    await line.close()


async def waited_for(api: Api, count: int) -> None:
    """Returns when so many wait for the end of a task."""
    while api.waiting.count != count:  # noqa: ASYNC110 - the count is a plain number
        await asyncio.sleep(0)


async def _an_open_task(api: Api) -> str:

    task = Task(api.ids.new(), "CREATE_VM", "vm", "v", 1)
    await api.store.commit([Insert(TASKS, task)])
    return task.id
