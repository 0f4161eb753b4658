"""A guest's serial line and screen, as streams of bytes."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from photon.agent.drivers.qemu.argv import SERIAL_SOCKET, VNC_SOCKET
from photon.agent.drivers.qemu.qmp import connect_socket
from photon.agent.drivers.qemu.record import QEMU_LOG, SERIAL_LOG

CHUNK_BYTES = 64 * 1024  # What one read gives at most.
HISTORY_BYTES_MAX = 64 * 1024  # A screenful many times over, sent to whoever opens the line.
LOG_BYTES_MAX = 4 << 20  # A guest may write for ever; what is older goes.
CONNECT_SECONDS = 5.0  # QEMU's main loop accepts in milliseconds.


class SocketStream:
    """A console over one of QEMU's sockets, after what its log held before."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, history: bytes = b""
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._history = history

    async def read(self) -> bytes:
        if self._history:
            chunk, self._history = self._history, b""
            return chunk
        try:
            return await self._reader.read(CHUNK_BYTES)
        except OSError:  # the guest is gone
            return b""

    async def write(self, chunk: bytes) -> None:
        """What is written to a guest that is gone is lost, as on any line."""
        with suppress(OSError):
            self._writer.write(chunk)
            await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


class Consoles:
    """Opens consoles of running guests, whose directories the caller knows."""

    def __init__(self) -> None:
        self._lines: dict[Path, SocketStream] = {}

    async def serial(self, directory: Path) -> SocketStream:
        """The serial line. QEMU serves one at a time, so who opens it last has it.

        Raises OSError or TimeoutError when QEMU does not take the connection.
        """
        await self.hang_up(directory)
        # Connected first, read then: what the guest says meanwhile may come twice, but is not lost.
        reader, writer = await _connect(directory, SERIAL_SOCKET)
        line = SocketStream(reader, writer, _tail(directory / SERIAL_LOG))
        self._lines[directory] = line
        return line

    async def screen(self, directory: Path) -> SocketStream:
        """The screen, as often as it is asked for. Raises as `serial` does."""
        return SocketStream(*await _connect(directory, VNC_SOCKET))

    async def hang_up(self, directory: Path) -> None:
        line = self._lines.pop(directory, None)
        if line is not None:
            await line.close()

    async def close(self) -> None:
        for directory in list(self._lines):
            await self.hang_up(directory)


async def _connect(directory: Path, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(CONNECT_SECONDS):
        connection = await connect_socket(directory, name)
        return await asyncio.open_unix_connection(sock=connection)


def bound_logs(directory: Path) -> None:
    """Empties a log that has grown too long. QEMU appends, so that it goes on at the new end."""
    for log in (directory / SERIAL_LOG, directory / QEMU_LOG):
        with suppress(FileNotFoundError):
            if log.stat().st_size > LOG_BYTES_MAX:
                os.truncate(log, 0)


def _tail(log: Path) -> bytes:
    try:
        with log.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - HISTORY_BYTES_MAX))
            return file.read(HISTORY_BYTES_MAX)
    except FileNotFoundError:
        return b""
