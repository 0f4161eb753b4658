"""A lean HTTP/1.1 load generator: what it costs must not be what is measured.

Each line is one keep-alive connection, used by one caller at a time.
"""

from __future__ import annotations

import asyncio

CONNECT_SECONDS = 10.0


class HttpLine:
    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def open(self) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            await self._writer.wait_closed()

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The status and the body of the answer."""
        assert self._reader is not None
        assert self._writer is not None
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: {self._host}:{self._port}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        header = await self._reader.readuntil(b"\r\n\r\n")
        status = int(header[9:12])
        at = header.find(b"content-length: ")
        assert at >= 0, "the API says how long its answers are"
        length = int(header[at + 16 : header.index(b"\r", at)])
        return status, await self._reader.readexactly(length)
