"""The HTTP server of the console door: uvicorn on a socket that is bound already."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from photon.agent.console import ConsoleApp
from photon.rpc.network import join_endpoint, split_endpoint

CONNECTIONS_MAX = 512  # Twice the consoles that may be open; beyond it uvicorn answers 503.
MESSAGE_BYTES_MAX = 64 << 10  # A person's typing and pointing; pastes come in pieces.
MESSAGES_QUEUED_MAX = 16  # Then the socket is not read until the guest has taken some.
KEEP_ALIVE_SECONDS = 5
STOP_SECONDS = 2  # For answers under way; consoles are cut off.
BACKLOG = 128


class _Server(uvicorn.Server):
    """Leaves signals alone: they end the whole agent, in its own order."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(endpoint: str) -> socket.socket:
    """A listening socket, so that its port is known before anybody is told of it. OSError."""
    host, port = split_endpoint(endpoint)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.create_server((host, port), family=family, backlog=BACKLOG)
    bound.settimeout(0)  # never blocks
    return bound


def endpoint_of(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    return join_endpoint(host, port)


class ConsoleServer:
    """Serves `app` from `start` to `stop`."""

    def __init__(self, app: ConsoleApp, bound: socket.socket) -> None:
        self._bound = bound
        self._server = _Server(
            uvicorn.Config(
                app,
                http="httptools",
                ws="websockets-sansio",
                ws_max_size=MESSAGE_BYTES_MAX,
                ws_max_queue=MESSAGES_QUEUED_MAX,
                ws_per_message_deflate=False,  # Consoles are short or compressed already.
                lifespan="off",
                log_config=None,
                log_level="warning",  # At info it writes every query, and tickets are in them.
                access_log=False,
                server_header=False,
                limit_concurrency=CONNECTIONS_MAX,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=STOP_SECONDS,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._bound]))

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
