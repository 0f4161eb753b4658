"""Requests as bytes: each goes through the protocol that production serves, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import h11
import httpx2
import uvicorn
from uvicorn.server import ServerState

from photon.api.direct import DirectEdge
from photon.controller.http_protocol import protocol_with
from photon.outside.ids import Ids


class _Line:
    """What the protocol takes for its transport: it keeps what is written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.stirred = asyncio.Event()
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written += data
        self.stirred.set()

    def close(self) -> None:
        self.closed = True
        self.stirred.set()

    def is_closing(self) -> bool:
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return {"peername": ("127.0.0.1", 40000), "sockname": ("127.0.0.1", 80)}.get(name, default)

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class WireTransport(httpx2.AsyncBaseTransport):
    """A new connection for each request."""

    def __init__(self, app: Any, direct: DirectEdge, ids: Ids) -> None:
        self._config = uvicorn.Config(
            app,
            http=protocol_with(ids, direct),
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
        )
        self._config.load()
        self._state = ServerState()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        make: Any = self._config.http_protocol_class
        protocol, line = make(config=self._config, server_state=self._state, app_state={}), _Line()
        protocol.connection_made(cast(asyncio.Transport, line))
        sending = asyncio.ensure_future(_send(protocol, line, request))
        try:
            return await _answer(line, request)
        finally:
            sending.cancel()
            protocol.connection_lost(None)


async def _send(protocol: asyncio.Protocol, line: _Line, request: httpx2.Request) -> None:
    """The head, and the body in as many reads as the client makes of it."""
    head = [request.method.encode(), b" ", request.url.raw_path, b" HTTP/1.1\r\n"]
    for name, value in request.headers.raw:
        head += [name, b": ", value, b"\r\n"]
    chunked = request.headers.get("transfer-encoding") == "chunked"
    waiting = b"".join([*head, b"\r\n"])
    async for part in cast(httpx2.AsyncByteStream, request.stream):
        coming = b"%x\r\n%b\r\n" % (len(part), part) if chunked else part
        if not line.closed:
            protocol.data_received(waiting + coming)
        waiting = b""
        await asyncio.sleep(0)
    if chunked:
        waiting += b"0\r\n\r\n"
    if waiting and not line.closed:
        protocol.data_received(waiting)


async def _answer(line: _Line, request: httpx2.Request) -> httpx2.Response:
    reader = h11.Connection(h11.CLIENT)
    method = "HEAD" if request.method == "HEAD" else "GET"
    reader.send(h11.Request(method=method, target="/", headers=[("host", "api.test")]))
    reader.send(h11.EndOfMessage())
    status, headers, content = 0, list[tuple[bytes, bytes]](), bytearray()
    while True:
        event = reader.next_event()
        if event is h11.NEED_DATA:
            if not line.written:
                assert not line.closed, "the connection was closed without an answer"
                line.stirred.clear()
                await line.stirred.wait()
            reader.receive_data(bytes(line.written))
            line.written.clear()
        elif isinstance(event, h11.Response):
            status, headers = event.status_code, list(event.headers)
        elif isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage):
            stream = httpx2.ByteStream(bytes(content))
            return httpx2.Response(status, headers=headers, stream=stream)
