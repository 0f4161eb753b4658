"""One connection to each agent, made when it is needed and shared by all that call it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from photon.rpc.connection import Connection, connect
from photon.rpc.network import Network
from photon.rpc.service import Service

# A leaf of the scheduler has some hundreds of hosts, a controller a few leaves. Connections in
# use are never closed for being too many; those that nobody uses are.
IDLE_CONNECTIONS_MAX = 1024


class Lines:
    """Connections by endpoint; those that were not used for the longest go first."""

    def __init__(
        self, network: Network, service: Service, idle_max: int = IDLE_CONNECTIONS_MAX
    ) -> None:
        self._network = network
        self._service = service
        self._idle_max = idle_max
        self._open: OrderedDict[str, Connection] = OrderedDict()
        self._connecting: dict[str, asyncio.Task[Connection]] = {}

    async def to(self, endpoint: str) -> Connection:
        """An open connection. ConnectFailed if there is none to be had."""
        connection = self._open.get(endpoint)
        if connection is not None and connection.is_open:
            self._open.move_to_end(endpoint)
            return connection
        task = self._connecting.get(endpoint)
        if task is None:
            task = asyncio.create_task(self._connect(endpoint))
            self._connecting[endpoint] = task
            task.add_done_callback(_see)
        # Shielded: one caller who gives up must not take the connection from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Closes all; calls in flight fail."""
        connecting = list(self._connecting.values())
        for task in connecting:
            task.cancel()
        await asyncio.gather(*connecting, return_exceptions=True)
        for connection in self._open.values():
            connection.close()
        self._open.clear()

    async def _connect(self, endpoint: str) -> Connection:
        try:
            connection = await connect(self._network, endpoint, self._service)
        finally:
            del self._connecting[endpoint]
        self._open[endpoint] = connection
        self._open.move_to_end(endpoint)
        self._close_surplus(endpoint)
        return connection

    def _close_surplus(self, newest: str) -> None:
        surplus = len(self._open) - self._idle_max
        if surplus <= 0:
            return
        # The newest is idle only because its first call has yet to come.
        unused = [
            name
            for name, line in self._open.items()
            if name != newest and (line.is_idle or not line.is_open)
        ]
        for name in unused[:surplus]:
            self._open.pop(name).close()


def _see(connecting: asyncio.Task[Connection]) -> None:
    """Looks at a failure that all who waited for it may have given up on."""
    if not connecting.cancelled():
        connecting.exception()
