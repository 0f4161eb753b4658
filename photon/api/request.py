"""Reads what a request says: its query, its body and its Idempotency-Key, each within limits."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import falcon
import falcon.asgi
import msgspec

from photon.api import body
from photon.api.edge_errors import (
    InvalidIdempotencyKey,
    MethodNotAllowed,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedMediaType,
)
from photon.api.route import Call, IdempotencyKey, NoQuery, Route
from photon.domain.error_catalogue import InvalidEntity, InvalidQueryParams
from photon.domain.errors import PhotonError

BODY_BYTES_MAX: Final = 1 << 20  # The largest sensible quota or metadata is a tenth of this.
BODY_SECONDS_MAX: Final = 20  # A body of this size that takes longer is an attack or a dead line.
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 255
QUERY_LENGTH_MAX: Final = 8192  # A page link with its filters is at most half of this.
ID_LENGTH_MAX: Final = 256  # Ids are 36 characters long; some datastores' are a little longer.

METHOD_LENGTH_MAX: Final = 16  # The longest in use (RFC 9110 and its kin) has 16 letters.


class Asked(Protocol):
    """A request as the edge sees it: Falcon's, or one that came by the short way (`direct`)."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def query_string(self) -> str: ...
    @property
    def prefix(self) -> str:
        """`http://` and the host that was asked for."""
        ...

    @property
    def content_type(self) -> str | None: ...
    def get_header(self, name: str) -> str | None: ...


def base_of(req: Asked) -> str:
    """What self links begin with. A proxy that ends TLS says that its caller used it; whoever else
    says so spoils the links of their own answer, as with a false host."""
    if req.get_header("x-forwarded-proto") == "https":
        return f"https{req.prefix.removeprefix('https').removeprefix('http')}"
    return req.prefix


def checked_path(path: dict[str, str]) -> dict[str, str]:
    """What a path names. Nothing has an id that is very long or is not plain text: such a one is
    cut to what a person would want to see, and is then as unknown as before."""
    for name, value in path.items():
        if len(value) > ID_LENGTH_MAX or not value.isprintable():
            path[name] = f"{body.printable(value[:ID_LENGTH_MAX])}..."
    return path


def query_of(req: Asked, route: Route) -> Any:
    """The query as the route's own message; members that it does not know are ignored."""
    text = req.query_string
    if not text or route.query is NoQuery:
        return route.query()
    if len(text) > QUERY_LENGTH_MAX:
        raise InvalidQueryParams(f"the query is longer than {QUERY_LENGTH_MAX} characters")
    try:
        said = _members(text)
        return msgspec.convert(said, route.query, strict=False)
    except (ValueError, msgspec.ValidationError) as wrong:
        raise InvalidQueryParams(f"the query is not understood: {body.printable(wrong)}") from None


def _members(text: str) -> dict[str, str]:
    if "%" in text or "+" in text:
        return dict(parse_qsl(text, keep_blank_values=False, errors="strict"))
    pairs = (pair.partition("=") for pair in text.split("&"))  # Nothing to unescape in it.
    return {name: value for name, _, value in pairs if value}


def body_reader(route: Route) -> Callable[[bytes], Any]:
    """What makes the route's message of a body."""
    if route.body is None:
        return lambda content: None
    decoder = msgspec.json.Decoder(route.body)
    if route.body_optional:
        return lambda content: body.decode(decoder, content) if content else None
    return lambda content: body.decode(decoder, content)


async def content_of(
    req: falcon.asgi.Request, route: Route, *, seconds_max: float = BODY_SECONDS_MAX
) -> bytes:
    """The whole body.

    Raises:
        RequestTooLarge, RequestTimeout: before more of it is read than may be.
        UnsupportedMediaType: the route takes a body, and of another type.
    """
    length = req.content_length
    if length == 0:
        return b""
    if length is not None and length > BODY_BYTES_MAX:
        raise RequestTooLarge(limit_bytes=BODY_BYTES_MAX)
    try:
        async with asyncio.timeout(seconds_max):
            content = await _all_of(req)
    except TimeoutError:
        raise RequestTimeout(limit_seconds=seconds_max) from None
    check_media(req, route, content)
    return content


def check_media(req: Asked, route: Route, content: bytes) -> None:
    """Raises UnsupportedMediaType: the route takes a body, and of another type."""
    if not content or route.body is None or req.content_type in (None, falcon.MEDIA_JSON):
        return
    media = (req.content_type or falcon.MEDIA_JSON).partition(";")[0].strip().lower()
    if media != falcon.MEDIA_JSON:
        raise UnsupportedMediaType(content_type=body.printable(media), expected=falcon.MEDIA_JSON)


async def _all_of(req: falcon.asgi.Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in req.stream:
        size += len(chunk)
        if size > BODY_BYTES_MAX:
            raise RequestTooLarge(limit_bytes=BODY_BYTES_MAX)
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def idempotency_of(
    req: Asked, route: Route, call: Call[Any, Any], content: bytes
) -> IdempotencyKey | None:
    """A key belongs to whoever sent it and to the path that it was sent to."""
    key = req.get_header("idempotency-key")
    if key is None:
        return None
    if not (0 < len(key) <= IDEMPOTENCY_KEY_LENGTH_MAX and key.isascii() and key.isprintable()):
        raise InvalidIdempotencyKey(length_max=IDEMPOTENCY_KEY_LENGTH_MAX)
    asked = f"{call.principal.name}\n{route.method}\n{req.path}\n{key}"
    return IdempotencyKey(
        key=key,
        id=hashlib.sha256(asked.encode()).hexdigest(),
        body_hash=hashlib.sha256(content).hexdigest(),
    )


def malformed(req: Asked, wrong: falcon.HTTPError) -> PhotonError:
    """What Falcon refused before a route saw it."""
    if isinstance(wrong, falcon.HTTPMethodNotAllowed):
        return MethodNotAllowed(
            method=body.printable(req.method[:METHOD_LENGTH_MAX]),
            path=body.printable(req.path[:ID_LENGTH_MAX]),
            allowed=dict(wrong.headers or {}).get("Allow", ""),
        )
    problem = wrong.description or wrong.title or "the request is malformed"
    return InvalidEntity(problem=body.printable(problem))
