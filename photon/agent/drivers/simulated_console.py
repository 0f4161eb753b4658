"""The consoles of a simulated guest: a serial line that echoes, and a screen that says hello."""

from __future__ import annotations

import asyncio

SERIAL_BANNER = b"Photon demo guest is up\r\n"
SCREEN_GREETING = b"RFB 003.008\n"
ECHO_BYTES_MAX = 64 << 10  # A writer that never reads loses what is beyond, as on a real line.


class SimulatedConsole:
    """One end of a guest's console; `read` ends when either side closes it."""

    def __init__(self, greeting: bytes, *, echoes: bool) -> None:
        self._unread = bytearray(greeting)
        self._echoes = echoes
        self._closed = False
        self._stirred = asyncio.Event()

    @property
    def is_closed(self) -> bool:
        return self._closed

    async def read(self) -> bytes:
        while not self._unread and not self._closed:
            self._stirred.clear()
            await self._stirred.wait()
        chunk = bytes(self._unread)
        self._unread.clear()
        return chunk

    async def write(self, chunk: bytes) -> None:
        if self._echoes and not self._closed:
            self._unread += chunk[: ECHO_BYTES_MAX - len(self._unread)]
            self._stirred.set()

    async def close(self) -> None:
        self.hang_up()

    def hang_up(self) -> None:
        """The guest's side ends it."""
        self._closed = True
        self._stirred.set()
