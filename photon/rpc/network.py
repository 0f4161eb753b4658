"""The network as an argument: TCP in earnest, something with a will of its own in a simulation."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, TypeVar

from photon.rpc.errors import ConnectFailed
from photon.rpc.tls import in_words

CONNECT_SECONDS = 5.0  # A host that is up answers in milliseconds, also over a slow link with TLS.
BACKLOG = 128  # Controllers that connect at the same moment.

Wire = TypeVar("Wire", bound=asyncio.Protocol)


class Listening(Protocol):
    """A server's open door."""

    @property
    def endpoint(self) -> str:
        """Where it really listens, `host:port`, also when port 0 was asked for."""
        ...

    async def close(self) -> None:
        """Takes no new connections; those that exist are their protocols' own affair."""
        ...


class Network(Protocol):
    """Joins asyncio protocols by endpoint (`host:port`)."""

    async def connect(self, endpoint: str, make_wire: Callable[[], Wire]) -> Wire:
        """A new protocol object whose `connection_made` was called. Raises ConnectFailed."""
        ...

    async def listen(self, endpoint: str, make_wire: Callable[[], asyncio.Protocol]) -> Listening:
        """Calls `make_wire` for each connection that comes in. OSError if it cannot listen."""
        ...


class TcpNetwork:
    """TCP, with TLS if contexts are given: one for calling out, one for being called."""

    def __init__(
        self, client_tls: ssl.SSLContext | None = None, server_tls: ssl.SSLContext | None = None
    ) -> None:
        self._client_tls = client_tls
        self._server_tls = server_tls

    async def connect(self, endpoint: str, make_wire: Callable[[], Wire]) -> Wire:
        host, port = split_endpoint(endpoint)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, wire = await loop.create_connection(make_wire, host, port, ssl=self._client_tls)
        except TimeoutError as problem:
            raise ConnectFailed(f"{endpoint} did not answer in {CONNECT_SECONDS:g} s") from problem
        except ssl.SSLError as problem:
            raise ConnectFailed(in_words(endpoint, problem)) from problem
        except (OSError, ValueError) as problem:
            why = str(problem) or "it hung up; does it speak TLS?"
            raise ConnectFailed(f"{endpoint} cannot be reached: {why}") from problem
        return wire

    async def listen(self, endpoint: str, make_wire: Callable[[], asyncio.Protocol]) -> Listening:
        host, port = split_endpoint(endpoint)
        server = await asyncio.get_running_loop().create_server(
            make_wire, host, port, ssl=self._server_tls, backlog=BACKLOG
        )
        return _TcpListening(server)


class _TcpListening:
    def __init__(self, server: asyncio.Server) -> None:
        self._server = server
        host, port = server.sockets[0].getsockname()[:2]
        self._endpoint = join_endpoint(host, port)

    @property
    def endpoint(self) -> str:
        return self._endpoint

    async def close(self) -> None:
        # Not waited for: from Python 3.12 on that would wait for the last connection to end.
        self._server.close()


def split_endpoint(endpoint: str) -> tuple[str, int]:
    """The host and port of `host:port` or `[v6]:port`. ValueError if it is neither."""
    host, colon, port = endpoint.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{endpoint!r} is not of the form host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def join_endpoint(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
