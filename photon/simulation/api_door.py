"""Where a controller is asked over the network, in one of its lives: by the production's protocol.

Streams come this way, with all that a socket has: order, delays, ends, and a bound of what is not
yet read. Other requests take a shorter one (`photon.simulation.requests`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.server import ServerState

from photon.api.direct import DirectEdge
from photon.controller.http_config import http_config
from photon.outside.ids import Ids
from photon.simulation.network import Attached

App = Callable[[Any, Any, Any], Awaitable[None]]  # as ASGI has it


class ApiDoor:
    """Open as soon as it is made; in the controller's own process."""

    def __init__(
        self,
        network: Attached,
        endpoint: str,
        served: tuple[DirectEdge, App],
        ids: Ids,
    ) -> None:
        direct, app = served
        self._config = http_config(_told(app), ids, direct)
        self._config.load()
        self._state = ServerState()
        self._wires: list[Any] = []  # uvicorn has them in a set, whose order is by address
        self._door = network.serve(endpoint, self._wire)

    def _wire(self) -> asyncio.Protocol:
        wire: Any = self._config.http_protocol_class
        self._wires = [wire for wire in self._wires if wire in self._state.connections]
        made = wire(
            config=self._config,
            server_state=self._state,
            app_state={},
            _loop=asyncio.get_running_loop(),
        )
        self._wires.append(made)
        return made  # type: ignore[no-any-return]  # uvicorn names the class at run time

    async def close(self) -> None:
        """As uvicorn does when it shuts down: who is being answered hears the rest."""
        await self._door.close()
        for wire in self._wires:
            if wire in self._state.connections:
                wire.shutdown()


def _told(app: App) -> Any:
    """uvicorn logs what the application raises; here somebody must hear of it."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        try:
            await app(scope, receive, send)
        except Exception as problem:  # It is told, and goes on to uvicorn.
            loop = asyncio.get_running_loop()
            loop.call_exception_handler({"message": "the API raised", "exception": problem})
            raise

    return answer
