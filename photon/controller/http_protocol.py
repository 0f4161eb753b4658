"""HTTP/1 as uvicorn speaks it, with a short way for what is plain.

A request that comes whole, for a route that takes and gives JSON, is answered here, without ASGI
and Falcon between (`photon.api.direct`). Everything else goes on to uvicorn's own code: bodies in
parts or in chunks, uploads and downloads, WebSockets, pipelined requests, HTTP/1.0, unknown routes.

What is no HTTP/1 is refused in the API's own shape: the edge never sees it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import falcon
import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from photon.api import errors
from photon.api.direct import DIRECT_BODY_BYTES_MAX, DirectEdge, PlainRequest, PlainRoute, Reply
from photon.api.route import API_VERSION, LINE
from photon.domain.error_catalogue import InvalidEntity
from photon.outside.ids import Ids

HEAD_BYTES_MAX: Final = 65_536  # Ten times what a browser sends with all its cookies.
# A head, and where its body begins: one packet or two. Whoever takes longer holds a line.
HEAD_SECONDS_MAX: Final = 20.0

VERSIONS: Final = frozenset({"1.0", "1.1"})
CLOSING: Final = (b"connection", b"close")  # on every answer of a server that is about to stop
_REFUSAL: Final = InvalidEntity(problem="this is no HTTP/1.1 request; send one that is well formed")
_UNUSUAL: Final = frozenset({b"upgrade", b"transfer-encoding", b"expect"})
_KEEP_ALIVE: Final = (None, b"keep-alive", b"Keep-Alive")
_ALWAYS: Final = (
    f"\r\nx-api-version: {API_VERSION}\r\ncontent-type: {falcon.MEDIA_JSON}\r\ncontent-length: "
).encode()


class _Nobody:
    def set(self) -> None:
        """Nobody waits for more of a request that has come whole."""


class _PlainCycle:
    """A request on its short way; has what uvicorn asks of the cycle that is under way."""

    message_event: Final = _Nobody()

    def __init__(self, plain: PlainRoute, path: dict[str, str], asked: PlainRequest) -> None:
        self.plain = plain
        self.path = path
        self.asked = asked
        self.parts: list[bytes] = []
        self.response_complete = False
        self.disconnected = False
        self.keep_alive = True
        self.answering: asyncio.Task[None] | None = None


class DirectProtocol(HttpToolsProtocol):
    """Made by `protocol_with`, which says by whom it answers."""

    direct: DirectEdge
    ids: Ids
    head_seconds_max: float
    _coming: _PlainCycle | None = None  # its head has come, and not yet its body
    _in_head = False  # until its body begins, or it has none
    _head_bytes = 0  # at most, of a head that has come in part
    _lost: Callable[[], None] | None = None  # is told when the connection ends
    _head_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._coming is not None:
            self._leave_to_uvicorn()
        if self._in_head:
            self._bound_head(len(data))

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_ended()
        super().connection_lost(exc)
        if self._lost is not None:
            self._lost()
        cycle: Any = self.cycle
        # Nobody hears the answer, and a read that ends early has changed nothing.
        if isinstance(cycle, _PlainCycle) and cycle.answering and cycle.asked.method == "GET":
            cycle.answering.cancel()

    def abort(self) -> None:
        """See `Line`: whoever reads a stream too slowly is cut off."""
        self.transport.abort()

    def when_lost(self, call: Callable[[], None]) -> None:
        self._lost = call

    def _bound_head(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self.send_400_response("the head is too long")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_seconds_max, self.transport.close)

    def _head_ended(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_message_begin(self) -> None:
        """As uvicorn's, but what only ASGI needs is made when it is needed."""
        self._in_head, self._head_bytes = True, 0
        self.url = b""
        self.expect_100_continue = False
        self.headers = []

    def on_headers_complete(self) -> None:
        # Falcon raises for any other version, which uvicorn answers with 500 and a traceback.
        if self.parser.get_http_version() not in VERSIONS:
            raise httptools.HttpParserError("not a version of HTTP that is spoken here")
        self._coming = self._plain_cycle()
        if self._coming is None:
            self._begin_asgi()

    def on_body(self, body: bytes) -> None:
        self._head_ended()
        if self._coming is None:
            super().on_body(body)
        else:
            self._coming.parts.append(body)

    def on_message_complete(self) -> None:
        self._head_ended()
        cycle, self._coming = self._coming, None
        if cycle is None:
            super().on_message_complete()
            return
        cycle.asked.content = b"".join(cycle.parts)
        self.cycle = cast(Any, cycle)
        cycle.answering = self.loop.create_task(self._answer(cycle))
        self.tasks.add(cycle.answering)
        cycle.answering.add_done_callback(self.tasks.discard)

    def _plain_cycle(self) -> _PlainCycle | None:
        """None: this request is not for the short way."""
        headers, url, most = dict(self.headers), self.url, self.limit_concurrency
        if (
            len(headers) != len(self.headers)
            or not _UNUSUAL.isdisjoint(headers)
            or CLOSING in self.server_state.default_headers
            or b"host" not in headers
            or headers.get(b"connection") not in _KEEP_ALIVE
            or self.parser.get_http_version() != "1.1"
            or int(headers.get(b"content-length", b"0")) > DIRECT_BODY_BYTES_MAX
            or b"%" in url
            or b"#" in url
            or not url.isascii()
            or (self.cycle is not None and not self.cycle.response_complete)
            or (most is not None and max(len(self.connections), len(self.tasks)) >= most)
        ):
            return None
        path, _, query = url.decode("ascii").partition("?")
        method = self.parser.get_method().decode("ascii")
        found = self.direct.find(method, path)
        if found is None or (found[0].watches and "watch=" in query):
            return None
        prefix = f"{self.scheme}://{headers[b'host'].decode('latin-1')}"
        return _PlainCycle(*found, PlainRequest(method, path, query, headers, prefix))

    def _leave_to_uvicorn(self) -> None:
        """The body has not come with the head: uvicorn's code waits for the rest."""
        cycle, self._coming = self._coming, None
        assert cycle is not None
        self._begin_asgi()
        for part in cycle.parts:
            super().on_body(part)

    def _begin_asgi(self) -> None:
        url, headers, expects = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        cast(Any, self.scope)["extensions"] = {LINE: self}
        self.url, self.expect_100_continue = url, expects
        self.headers.extend(headers)
        super().on_headers_complete()

    async def _answer(self, cycle: _PlainCycle) -> None:
        reply = await self.direct.answer(cycle.plain, cycle.path, cycle.asked)
        if self.flow.write_paused and not cycle.disconnected:
            await self.flow.drain()
        if cycle.disconnected:
            return
        closes = not cycle.keep_alive or ("connection", "close") in reply.headers
        self.transport.write(self._written(reply, closes=closes))
        cycle.response_complete = True
        if closes:
            self.transport.close()
        self.on_response_complete()

    def _written(self, reply: Reply, *, closes: bool) -> bytes:
        lines = [STATUS_LINE[reply.status]]
        for name, value in self.server_state.default_headers:
            lines += (name, b": ", value, b"\r\n")
        lines += (b"request-id: ", reply.request_id.encode(), _ALWAYS)
        lines.append(b"%d\r\n" % len(reply.content))
        for header, said in reply.headers:
            if header != "connection":
                lines.append(f"{header}: {said}\r\n".encode("latin-1"))
        if closes:
            lines.append(b"connection: close\r\n")
        lines += (b"\r\n", reply.content)
        return b"".join(lines)

    def send_400_response(self, msg: str) -> None:
        self._coming = None
        body = msgspec.json.encode(errors.view(_REFUSAL))
        reply = Reply(400, self.ids.new(), body)
        self.transport.write(self._written(reply, closes=True))
        self.transport.close()


def protocol_with(
    ids: Ids, direct: DirectEdge, *, head_seconds_max: float = HEAD_SECONDS_MAX
) -> type[DirectProtocol]:
    """The class that uvicorn makes one of for each connection; `ids` names what it refuses."""
    said = {"ids": ids, "direct": direct, "head_seconds_max": head_seconds_max}
    return type("Protocol", (DirectProtocol,), said)
