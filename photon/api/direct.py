"""The short way: plain requests, answered from the table of routes without a framework.

Most requests are a small JSON body, or none, for a route that answers JSON. Those that come whole
and say nothing unusual take this way; Falcon takes all others (`edge`), with the same functions
behind it, so that an answer does not tell which way its request came. Whatever is in doubt here is
not an error: it is Falcon's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from photon.api import errors, request
from photon.api.download import Download
from photon.api.edge import answer_to, call_of, encode, known_error, take_body
from photon.api.path_tree import PathTree, parameters_of
from photon.api.plane import Plane
from photon.api.route import REVISION_HEADER, Route

DIRECT_BODY_BYTES_MAX: Final = 65_536  # A larger body seldom comes whole; Falcon reads it in parts.


@dataclass(slots=True)
class PlainRequest:
    """A request of which all has come. See `request.Asked`."""

    method: str
    path: str
    query_string: str
    headers: Mapping[bytes, bytes]  # names in lower case, each once
    prefix: str
    content: bytes = b""

    @property
    def content_type(self) -> str | None:
        return self.get_header("content-type")

    def get_header(self, name: str) -> str | None:
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")


class Reply(msgspec.Struct, frozen=True):
    """`headers` are those beyond what every answer has."""

    status: int
    request_id: str
    content: bytes
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class PlainRoute:
    """A route that may be taken the short way, and the names of its path's parameters."""

    route: Route
    message: Callable[[bytes], Any]
    parameters: tuple[str, ...]
    watches: bool


class DirectEdge:
    def __init__(self, plane: Plane, routes: Sequence[Route]) -> None:
        self._plane = plane
        self._tree = PathTree[dict[str, PlainRoute]]()
        for route in routes:
            if not route.upload and not route.downloads:
                self._add(route)

    def _add(self, route: Route) -> None:
        parameters = parameters_of(route.path)
        known = PlainRoute(route, request.body_reader(route), parameters, route.watches)
        self._tree.at(route.path, dict)[route.method] = known

    def find(self, method: str, path: str) -> tuple[PlainRoute, dict[str, str]] | None:
        """The route, and what the path says; None: Falcon knows what to say."""
        known = self._tree.find(path)
        if known is None:
            return None
        by_method, said = known
        found = by_method.get(method)
        if found is None or "" in said:
            return None
        return found, dict(zip(found.parameters, said, strict=True))

    async def answer(self, plain: PlainRoute, path: dict[str, str], asked: PlainRequest) -> Reply:
        plane, route = self._plane, plain.route
        request_id = plane.ids.new()
        try:
            call = call_of(plane, route, asked, path, request_id)
            if route.method != "GET":
                request.check_media(asked, route, asked.content)
                take_body(route, asked, call, plain.message, asked.content)
            answer = await answer_to(plane, route, call)
            assert not isinstance(answer, Download), "a route that downloads was taken as plain"
            said = () if call.revision is None else ((REVISION_HEADER, str(call.revision)),)
            return Reply(call.status, request_id, encode(answer), said)
        except Exception as wrong:  # The edge of a request: its caller is told, whatever it was.
            error = known_error(wrong, asked, request_id)
            headers = tuple(errors.headers_of(error).items())
            return Reply(errors.status_of(error), request_id, encode(errors.view(error)), headers)
