"""A VM's console: bytes both ways over a websocket to its host."""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec
import websockets.asyncio.client
import websockets.exceptions
import websockets.sync.client

from photon.sdk.errors import BadAnswer, Unreachable
from photon.wire.v1.task import Task

OPEN_SECONDS = 10.0  # the ticket is good for about a minute; a host that is up answers at once
MESSAGE_BYTES_MAX = 1 << 20  # a whole screen is less; what is more is not a console


class ConsoleTicket(msgspec.Struct, rename="camel"):
    """Lets its bearer in once, for `valid_seconds`."""

    host: str
    port: int
    path: str
    ticket: str
    valid_seconds: int
    url: str | None = None

    @property
    def address(self) -> str:
        """Where to connect to, ticket included: a secret while it is valid."""
        if self.url is not None:
            return self.url
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}{self.path}?{urlencode({'ticket': self.ticket})}"


def console_ticket(task: Task) -> ConsoleTicket:
    """The ticket in a completed console_ticket task."""
    try:
        return msgspec.convert(task.resource_properties, ConsoleTicket)
    except msgspec.ValidationError as error:
        raise BadAnswer(f"task {task.id}", f"it holds no console ticket: {error}") from error


async def open_console_async(ticket: ConsoleTicket) -> websockets.asyncio.client.ClientConnection:
    """The open console; iterate over it, and `send`.

    Raises:
        Unreachable: the host did not answer, or the ticket was used or has expired.
    """
    try:
        return await websockets.asyncio.client.connect(
            ticket.address,
            open_timeout=OPEN_SECONDS,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
            proxy=None,  # a host is reached directly: a proxy for the web has no way to it
        )
    except (OSError, websockets.exceptions.WebSocketException) as error:
        raise _unreachable(ticket, error) from error


def open_console(ticket: ConsoleTicket) -> websockets.sync.client.ClientConnection:
    """As `open_console_async`, blocking: one thread may read while another sends."""
    try:
        return websockets.sync.client.connect(
            ticket.address,
            open_timeout=OPEN_SECONDS,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
            proxy=None,  # a host is reached directly: a proxy for the web has no way to it
        )
    except (OSError, websockets.exceptions.WebSocketException) as error:
        raise _unreachable(ticket, error) from error


def _unreachable(ticket: ConsoleTicket, error: Exception) -> Unreachable:
    return Unreachable(f"The console at {ticket.host}:{ticket.port}", str(error), tries=1)
