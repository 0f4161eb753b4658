"""A lean HTTP/1.1 load generator: what it costs must not be what is measured.

Each line is one keep-alive connection, used by one caller at a time.
"""

from __future__ import annotations

import asyncio

from bench.failure import BenchFailed

CONNECT_SECONDS = 10.0

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length: "
_ENDED = "A connection ended before its answer had come. Look at the log of the controller."


class HttpLine:
    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._rest_of_head = (
            f" HTTP/1.1\r\nhost: {host}:{port}\r\n"
            "content-type: application/json\r\ncontent-length: "
        )
        self._transport: asyncio.Transport | None = None
        self._answers: _Answers | None = None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            self._transport, self._answers = await loop.create_connection(
                lambda: _Answers(loop), self._host, self._port
            )

    async def close(self) -> None:
        if self._transport is not None and self._answers is not None:
            self._transport.close()
            await self._answers.ended

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of the answer.

        Raises:
            BenchFailed: the connection ended before the answer had come.
        """
        assert self._transport is not None
        assert self._answers is not None
        answer = self._answers.next()
        head = f"{method} {path}{self._rest_of_head}{len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)
        return await answer


class _Answers(asyncio.Protocol):
    """Cuts one answer at a time out of what comes; nearly each comes in one read."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._read = b""
        self._asked: asyncio.Future[tuple[int, bytes]] | None = None
        self.ended: asyncio.Future[None] = loop.create_future()

    def next(self) -> asyncio.Future[tuple[int, bytes]]:
        assert self._asked is None, "one caller at a time"
        if self.ended.done():
            raise BenchFailed(_ENDED)
        self._asked = self._loop.create_future()
        return self._asked

    def data_received(self, data: bytes) -> None:
        self._read = read = self._read + data if self._read else data
        body_at = read.find(_HEAD_END) + len(_HEAD_END)
        if body_at < len(_HEAD_END):
            return
        at = read.find(_LENGTH, 0, body_at) + len(_LENGTH)
        assert at >= len(_LENGTH), "the API says how long its answers are"
        end = body_at + int(read[at : read.index(b"\r", at)])
        if len(read) < end:
            return
        asked, self._asked, self._read = self._asked, None, read[end:]
        assert asked is not None, "an answer came that nobody asked for"
        if not asked.done():  # Its caller was cancelled.
            asked.set_result((int(read[9:12]), read[body_at:end]))

    def connection_lost(self, exc: Exception | None) -> None:
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_exception(BenchFailed(_ENDED))
        self.ended.set_result(None)
