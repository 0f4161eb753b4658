"""One request of the API: how to ask it, and how to read its answer. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import msgspec

from photon.sdk.file_body import FileBody
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

Answer = TypeVar("Answer")
Item = TypeVar("Item")

ANSWER_SECONDS = 30.0  # the API answers at once; a proxy's own patience is usually 60 s
Sink = Callable[[bytes], object]


@dataclass(frozen=True, slots=True)
class Request(Generic[Answer]):
    """`sink`, when given, takes the body of a success piece by piece; `decode` then sees b""."""

    method: str
    path: str
    decode: Callable[[bytes], Answer]
    query: Mapping[str, str] = field(default_factory=dict)
    body: bytes | FileBody | None = None
    sink: Sink | None = None
    answer_seconds: float = ANSWER_SECONDS


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """A list of the API, page by page."""

    path: str
    item: type[Item]
    query: Mapping[str, str] = field(default_factory=dict)

    def page(self, link: str | None) -> Request[ResourceList[Item]]:
        """The first page, or the one that a page's link leads to."""
        decode = decoder(ResourceList[self.item])  # type: ignore[name-defined]  # made at run time
        if link is None:
            return Request("GET", self.path, decode, self.query)
        return Request("GET", link, decode)


def decoder(answer: Any) -> Callable[[bytes], Any]:
    """Reads JSON as `answer`, a type."""
    return _decoder(answer).decode


@cache
def _decoder(answer: Any) -> msgspec.json.Decoder[Any]:
    """One a type, since making one costs more than using it."""
    return msgspec.json.Decoder(answer)


def path(*parts: str) -> str:
    """A path of the surface v1; each part is one segment whatever is in it."""
    return "/v1/" + "/".join(quote(part, safe="") for part in parts)


def query(**filters: str | None) -> dict[str, str]:
    """The filters that were given, spelled as the API spells them."""
    return {key: value for key, value in filters.items() if value is not None}


def get(where: str, answer: type[Answer]) -> Request[Answer]:
    return Request("GET", where, decoder(answer))


def post(where: str, body: object = None) -> Request[Task]:
    return _change("POST", where, body)


def put(where: str, body: object) -> Request[Task]:
    return _change("PUT", where, body)


def patch(where: str, body: object) -> Request[Task]:
    return _change("PATCH", where, body)


def delete(where: str, body: object = None) -> Request[Task]:
    return _change("DELETE", where, body)


def _change(method: str, where: str, body: object) -> Request[Task]:
    content = None if body is None else msgspec.json.encode(body)
    return Request(method, where, decoder(Task), body=content)
