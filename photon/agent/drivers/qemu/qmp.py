"""One conversation with a guest's QEMU, in QMP."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from qemu.qmp import EventListener, ExecuteError, QMPClient, QMPError

from photon.agent.drivers.qemu.argv import QMP_SOCKET
from photon.agent.drivers.qemu.commands import CommandFailed

COMMAND_SECONDS = 15.0  # QEMU answers in milliseconds, unless its disk hangs.
GREETING_SECONDS = 5.0  # A loaded host; or another client has this socket, and never lets go.

Event = Mapping[str, object]


class MonitorLost(CommandFailed):
    """QEMU did not answer, or its socket closed."""


class MonitorRefused(CommandFailed):
    """QEMU said no; the text is its own."""


class Monitor:
    """Made by `connect`; `on_event` hears every event until `close`."""

    def __init__(self, client: QMPClient, peer_pid: int, on_event: Callable[[Event], None]) -> None:
        self._client = client
        self.peer_pid = peer_pid  # of the process that listens, as the kernel knows it
        self._on_event = on_event
        self._listener = EventListener()
        client.register_listener(self._listener)
        self._pump = asyncio.create_task(self._hear())
        # The library keeps what ended a conversation until somebody asks. Whoever speaks next is
        # told by `execute`; when nobody does, it is no news that a guest's QEMU is gone.
        ending: asyncio.Future[object] | None = getattr(client, "_bh_tasks", None)
        if ending is not None:
            ending.add_done_callback(_take_note)

    @classmethod
    async def connect(cls, directory: Path, on_event: Callable[[Event], None]) -> Monitor:
        """Raises MonitorLost when nobody answers in the guest's directory."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                connection = await connect_socket(directory, QMP_SOCKET)
                peer_pid = _peer_pid(connection)
                client = QMPClient(directory.name)
                await client.connect(connection)
        except (OSError, TimeoutError, QMPError, EOFError) as error:
            raise MonitorLost(f"No QEMU answers in {directory}: {error}") from error
        return cls(client, peer_pid, on_event)

    async def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> object:
        """Raises MonitorRefused when QEMU says no, MonitorLost when it says nothing."""
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                return await self._client.execute(command, arguments)
        except ExecuteError as error:
            raise MonitorRefused(f"QEMU refused `{command}`: {error}") from error
        except (TimeoutError, QMPError, OSError, EOFError) as error:
            raise MonitorLost(f"QEMU did not answer `{command}`: {error!r}") from error

    async def close(self) -> None:
        self._pump.cancel()
        with suppress(asyncio.CancelledError):
            await self._pump
        # It raises again what ended the conversation, which its caller has been told already.
        with suppress(QMPError, OSError, EOFError, TimeoutError):
            async with asyncio.timeout(COMMAND_SECONDS):
                await self._client.disconnect()

    async def _hear(self) -> None:
        async for event in self._listener:
            self._on_event(event)


def _take_note(ending: asyncio.Future[object]) -> None:
    if not ending.cancelled():
        ending.exception()


async def connect_socket(directory: Path, name: str) -> socket.socket:
    """Connects to a socket in a directory, however long the directory's path is."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(0)
    try:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, f"/proc/self/fd/{descriptor}/{name}")
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(descriptor)
    return connection


def _peer_pid(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    pid: int = struct.unpack("3i", credentials)[0]
    return pid
