"""A client's request: over the simulated network to a controller, and its answer back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from photon.api.direct import DIRECT_BODY_BYTES_MAX, DirectEdge, PlainRequest
from photon.simulation.controller import SimulatedController
from photon.simulation.crossing import Died, ask
from photon.simulation.network import SimulatedNetwork

CLIENT: Final = "client"  # Where all clients are, as far as the network's conditions go.

Headers = Mapping[str, str]


class Lost(Exception):
    """No answer came. The request may have been served, unless `unsent`."""

    def __init__(self, reason: str, *, unsent: bool = False) -> None:
        super().__init__(reason)
        self.unsent = unsent


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # with its query
    body: bytes = b""
    headers: Headers = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`headers` have names in lower case."""

    status: int
    headers: Headers
    body: bytes


class Client:
    """Asks controllers as `photon.controller.serve` would have been asked."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self._network = network

    async def request(
        self, controller: SimulatedController, request: Request, *, seconds: float
    ) -> Answer:
        """Raises Lost."""
        try:
            async with asyncio.timeout(seconds):
                return await self._ask(controller, request)
        except TimeoutError:
            raise Lost(f"no answer in {seconds:g} s") from None

    async def _ask(self, controller: SimulatedController, request: Request) -> Answer:
        await self._cross(CLIENT, controller.name)
        serving = controller.serving
        if serving is None:
            await self._cross(controller.name, CLIENT)
            raise Lost(f"{controller.name} refused the connection", unsent=True)
        try:
            answer = await ask(controller.process, lambda: _serve(*serving, controller, request))
        except Died:
            await self._cross(controller.name, CLIENT)
            raise Lost(f"{controller.name} reset the connection") from None
        await self._cross(controller.name, CLIENT)
        return answer

    async def _cross(self, source: str, target: str) -> None:
        """Waits until it is through; for ever, if it gets lost."""
        network = self._network
        loop, conditions = network.loop, network.conditions
        delay = network.crossing_seconds(source, target)
        if network.weather.random.random() < conditions.link(source, target).loss:
            await loop.create_future()
        await asyncio.sleep(delay)
        if conditions.cut(source, target):
            await loop.create_future()


async def _serve(
    direct: DirectEdge, app: Any, controller: SimulatedController, request: Request
) -> Answer:
    path, _, query = request.path.partition("?")
    headers = {name.lower(): value for name, value in request.headers.items()}
    headers.setdefault("host", controller.url.removeprefix("http://"))
    if request.body:
        headers.setdefault("content-type", "application/json")
        headers["content-length"] = str(len(request.body))
    plain = "%" not in path and path.isascii() and len(request.body) <= DIRECT_BODY_BYTES_MAX
    found = direct.find(request.method, path) if plain else None
    if found is None or (found[0].watches and "watch=" in query):
        return await _serve_asgi(app, request, headers)
    encoded = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    asked = PlainRequest(request.method, path, query, encoded, controller.url, request.body)
    reply = await direct.answer(*found, asked)
    said = {"request-id": reply.request_id, "content-type": "application/json"}
    said |= {name.lower(): value for name, value in reply.headers}
    return Answer(reply.status, said, reply.content)


async def _serve_asgi(app: Any, request: Request, headers: Headers) -> Answer:
    path, _, query = request.path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
        "client": (CLIENT, 40000),
        "server": (headers["host"].partition(":")[0], 80),
    }
    sent: list[dict[str, Any]] = []
    bodies = [request.body]

    async def receive() -> dict[str, Any]:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody disconnects")

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    said = {name.decode().lower(): value.decode("latin-1") for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], said, b"".join([part.get("body", b"") for part in sent[1:]]))
