"""A client that reads a stream from a controller: over the simulated network, as by a socket."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from typing import Final, cast

import httptools

from photon.rpc.errors import ConnectFailed
from photon.simulation.network import Attached
from photon.workload.way import REQUEST_SECONDS, SILENT_SECONDS, Answer, Lost, Refused

OK: Final = 200


class Stream(asyncio.Protocol):
    """One request and its answer. It reads on when all that has come was taken."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._pieces: deque[bytes] = deque()
        self._whole = False  # The answer ended as it should.
        self._problem = ""
        self._news = asyncio.Event()
        self._parser = httptools.HttpResponseParser(self)

    # As a protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        if self._pieces:
            self._transport.pause_reading()
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._problem = str(exc) if exc is not None else "the connection ended"
        self._news.set()

    # As the parser's listener

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode().lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._whole = True

    # What is asked of it

    def ask(self, path: str, headers: Mapping[str, str]) -> None:
        lines = [f"GET {path} HTTP/1.1", *(f"{name}: {said}" for name, said in headers.items())]
        self._transport.write("\r\n".join([*lines, "", ""]).encode())

    async def head(self) -> None:
        """Returns when the status and the headers have come. Raises Lost."""
        while not self.status:
            await self._more()

    async def piece(self) -> bytes | None:
        """The next one, None at the end. Raises Lost: it broke off."""
        while not self._pieces:
            if self._whole:
                return None
            self._transport.resume_reading()
            await self._more()
        return self._pieces.popleft()

    async def _more(self) -> None:
        if self._problem:
            raise Lost(self._problem)
        self._news.clear()
        await self._news.wait()

    def close(self) -> None:
        self._transport.close()


async def pieces_of(
    network: Attached, endpoint: str, path: str, headers: Mapping[str, str]
) -> AsyncGenerator[bytes, None]:
    """See `Way.watch`."""
    try:
        stream = await network.connect(endpoint, Stream)
    except ConnectFailed as problem:
        raise Lost(str(problem)) from None
    try:
        stream.ask(path, {"host": endpoint, **headers})
        async with asyncio.timeout(REQUEST_SECONDS):
            await stream.head()
        if stream.status != OK:
            raise Refused(await _refusal(stream))
        while True:
            async with asyncio.timeout(SILENT_SECONDS):
                piece = await stream.piece()
            if piece is None:
                raise Lost("the stream ended")
            yield piece
    except TimeoutError:
        raise Lost("the stream fell silent") from None
    finally:
        stream.close()


async def _refusal(stream: Stream) -> Answer:
    content = b""
    async with asyncio.timeout(REQUEST_SECONDS):
        while (piece := await stream.piece()) is not None:
            content += piece
    return Answer(stream.status, stream.headers, content)
