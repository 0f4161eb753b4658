"""The agent's second door, for what is no RPC: consoles of guests and files of captured images.

    GET /console?ticket=...             WebSocket; bytes of the serial line or of the screen (RFB)
    GET /captures/{image_id}?ticket=... the file, once

Written as plain ASGI: two routes, one of which no framework streams as well as a loop of ten lines.
Whoever has no ticket, or one that was used or is too old, learns no more than that.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import msgspec

from photon.agent.drivers.protocol import ConsoleStream, HostDriver
from photon.agent.tickets import TicketBook
from photon.domain.guest import AgentRefusal, ConsoleKind, ConsoleTicket, Refusal

CONSOLE_PATH = "/console"
CAPTURES_PATH = "/captures/"
CONSOLE_TICKET_SECONDS = 60  # From the API's answer to a program that opens it.
CAPTURE_TICKET_SECONDS = 900  # A controller fetches at once, or after it was restarted.
CONSOLES_OPEN_MAX = 256  # Each holds two sockets and a few KiB.
CONSOLE_IDLE_SECONDS = 900.0  # Nothing in either direction: whoever sat there has left.
QUERY_BYTES_MAX = 1024  # A ticket has 32 characters.
FILE_CHUNK_BYTES = 256 << 10  # Large enough that the disk, not the loop, sets the speed.

_logger = logging.getLogger(__name__)

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class ConsoleTarget(msgspec.Struct, frozen=True):
    """What a console ticket opens."""

    driver: HostDriver
    vm_id: str
    kind: ConsoleKind

    async def open(self) -> ConsoleStream:
        """Refusal if the guest has gone or stopped meanwhile."""
        if self.kind is ConsoleKind.SERIAL:
            return await self.driver.open_serial(self.vm_id)
        return await self.driver.open_vnc(self.vm_id)


class CaptureTarget(msgspec.Struct, frozen=True):
    """What a capture ticket fetches."""

    driver: HostDriver
    image_id: str


class ConsoleDoors:
    """Hands out the tickets; `host` and `port` are where people and controllers reach the door."""

    def __init__(
        self,
        host: str,
        port: int,
        consoles: TicketBook[ConsoleTarget],
        captures: TicketBook[CaptureTarget],
    ) -> None:
        self._host = host
        self._port = port
        self.consoles = consoles
        self.captures = captures

    def console(self, driver: HostDriver, vm_id: str, kind: ConsoleKind) -> ConsoleTicket:
        ticket = self.consoles.issue(ConsoleTarget(driver, vm_id, kind))
        valid_seconds = self.consoles.valid_seconds
        return ConsoleTicket(self._host, self._port, CONSOLE_PATH, ticket, valid_seconds)

    def capture_url(self, driver: HostDriver, image_id: str) -> str:
        ticket = self.captures.issue(CaptureTarget(driver, image_id))
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}{CAPTURES_PATH}{image_id}?ticket={ticket}"


class ConsoleApp:
    """The ASGI application behind the doors."""

    def __init__(self, doors: ConsoleDoors, idle_seconds: float = CONSOLE_IDLE_SECONDS) -> None:
        self._doors = doors
        self._idle_seconds = idle_seconds
        self._open = 0

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        ticket = _ticket_in(scope["query_string"]) if "query_string" in scope else ""
        if scope["type"] == "websocket":
            await self._console(scope, ticket, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, ticket, send)

    async def _http(self, scope: Message, ticket: str, send: Send) -> None:
        path = scope["path"]
        if path == CONSOLE_PATH:
            await _refuse(send, 426, "UpgradeRequired", "A console is a WebSocket.")
        elif not path.startswith(CAPTURES_PATH):
            await _refuse(send, 404, "NotFound", "This door has consoles and captures only.")
        elif scope["method"] != "GET":
            await _refuse(send, 405, "MethodNotAllowed", "A capture is fetched with GET.")
        else:
            await self._capture(path.removeprefix(CAPTURES_PATH), ticket, send)

    async def _capture(self, image_id: str, ticket: str, send: Send) -> None:
        target = self._doors.captures.redeem(ticket)
        if target is None or target.image_id != image_id:
            await _refuse(send, 403, "AccessForbidden", _NO_TICKET)
            return
        try:
            path = Path(await target.driver.capture_path(image_id))
        except Refusal as refusal:
            await _refuse(send, 404, refusal.code, refusal.message)
            return
        await _send_file(path, send)

    async def _console(self, scope: Message, ticket: str, receive: Receive, send: Send) -> None:
        await receive()  # The handshake; it must be read before it is answered.
        target = self._doors.consoles.redeem(ticket) if scope["path"] == CONSOLE_PATH else None
        if target is None:
            await _refuse(send, 403, "AccessForbidden", _NO_TICKET, over="websocket.http.response")
            return
        try:
            if self._open >= CONSOLES_OPEN_MAX:
                message = "Too many consoles are open on this host; close one."
                raise Refusal(AgentRefusal.BUSY, message)
            stream = await target.open()
        except Refusal as refusal:
            await _refuse(send, 404, refusal.code, refusal.message, over="websocket.http.response")
            return
        self._open += 1
        try:
            offered = scope.get("subprotocols", ())
            chosen = "binary" if "binary" in offered else None
            await send({"type": "websocket.accept", "subprotocol": chosen})
            await _bridge(stream, receive, send, self._idle_seconds)
        finally:
            self._open -= 1
            await stream.close()


_NO_TICKET = "This needs a ticket that was not used yet; ask the API for one."


async def _bridge(stream: ConsoleStream, receive: Receive, send: Send, idle_seconds: float) -> None:
    """Carries bytes both ways until either side ends it, or both are silent for long."""
    loop = asyncio.get_running_loop()

    async def outwards(idle: asyncio.Timeout) -> None:
        while chunk := await stream.read():
            idle.reschedule(loop.time() + idle_seconds)
            await send({"type": "websocket.send", "bytes": chunk})

    async def inwards(idle: asyncio.Timeout) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            idle.reschedule(loop.time() + idle_seconds)
            chunk = message.get("bytes") or (message.get("text") or "").encode()
            await stream.write(chunk)

    ended_by_caller = False
    try:
        async with asyncio.timeout(idle_seconds) as idle:
            ways = [asyncio.create_task(outwards(idle)), asyncio.create_task(inwards(idle))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                ended_by_caller = ways[1].done()
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
    except TimeoutError:
        _logger.info("a console was closed: nothing was said for %g seconds", idle_seconds)
    if not ended_by_caller:
        await send({"type": "websocket.close", "code": 1000})


async def _send_file(path: Path, send: Send) -> None:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        size_bytes = (await asyncio.to_thread(path.stat)).st_size
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", b"application/octet-stream"),
                    (b"content-length", b"%d" % size_bytes),
                ],
            }
        )
        while chunk := await asyncio.to_thread(file.read, FILE_CHUNK_BYTES):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        file.close()


async def _refuse(
    send: Send, status: int, code: str, message: str, *, over: str = "http.response"
) -> None:
    body = msgspec.json.encode({"code": code, "message": message, "data": {}})
    headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
    await send({"type": f"{over}.start", "status": status, "headers": headers})
    await send({"type": f"{over}.body", "body": body})


def _ticket_in(query: bytes) -> str:
    if len(query) > QUERY_BYTES_MAX:
        return ""
    return parse_qs(query.decode("latin-1")).get("ticket", [""])[0]
