"""The edge: one ASGI application (Falcon) that turns requests into calls of the route table.

Handlers know nothing of it. What all routes share is here: sizes and times of bodies, decoding,
the pause gate, idempotency keys, repeating a handler that lost a race, and how errors are written.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import parse_qsl

import falcon
import falcon.asgi
import msgspec

from photon.api import body, errors
from photon.api.download import Download
from photon.api.edge_errors import (
    InvalidIdempotencyKey,
    MethodNotAllowed,
    RequestTimeout,
    RequestTooLarge,
    UnsupportedMediaType,
)
from photon.api.plane import Plane
from photon.api.principal import ANYBODY
from photon.api.route import API_VERSION, Call, Gate, IdempotencyKey, NoQuery, Route
from photon.domain.error_catalogue import (
    Contended,
    IdempotencyKeyReused,
    InternalError,
    InvalidEntity,
    NotFound,
    OutOfThreadPoolWorker,
    SystemPaused,
)
from photon.domain.errors import PhotonError
from photon.domain.system import SystemState
from photon.store.errors import (
    AlreadyExists,
    QuotaExceeded,
    RequirementFailed,
    StaleGeneration,
    StoreBusy,
    StoreUnavailable,
)
from photon.store.nouns import IDEMPOTENT_ANSWERS

BODY_BYTES_MAX: Final = 1 << 20  # The largest sensible quota or metadata is a tenth of this.
BODY_SECONDS_MAX: Final = 20  # A body of this size that takes longer is an attack or a dead line.
HANDLER_TRIES_MAX: Final = 8  # Whoever loses eight races in a row meets a hot row: say so.
IDEMPOTENCY_KEY_LENGTH_MAX: Final = 255
QUERY_LENGTH_MAX: Final = 8192

_encode: Final = msgspec.json.Encoder().encode
_Respond = Callable[..., Awaitable[None]]

log = logging.getLogger(__name__)


def make_app(plane: Plane, routes: Sequence[Route]) -> falcon.asgi.App[Any, Any]:
    """The ASGI application that serves `routes`."""
    app = falcon.asgi.App()
    app.req_options.strip_url_path_trailing_slash = True
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = route
    for path, methods in by_path.items():
        app.add_route(path, _resource(plane, path, methods))
    app.add_error_handler(Exception, partial(_failed, plane))
    app.add_sink(partial(_no_route, plane), prefix="/")
    return app


def _resource(plane: Plane, path: str, methods: dict[str, Route]) -> object:
    """Falcon asks an object for on_get, on_post, ...; this makes one from rows of the table."""
    allowed = ", ".join(sorted(methods))

    async def not_allowed(req: Any, resp: Any, **_: str) -> None:
        resp.set_header("allow", allowed)
        raise MethodNotAllowed(method=req.method, path=path, allowed=allowed)

    responders: dict[str, _Respond] = {
        f"on_{verb}": not_allowed
        for verb in ("get", "post", "put", "patch", "delete", "head", "options")
    }
    responders |= {
        f"on_{method.lower()}": _responder(plane, route) for method, route in methods.items()
    }
    return SimpleNamespace(**responders)


def _responder(plane: Plane, route: Route) -> _Respond:
    decoder = msgspec.json.Decoder(route.body) if route.body is not None else None

    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response, **path: str) -> None:
        request_id = plane.ids.new()
        resp.set_header("request-id", request_id)
        resp.set_header("x-api-version", API_VERSION)
        call: Call[Any, Any] = Call(
            path=path,
            query=_query(req, route),
            body=None,
            principal=ANYBODY,
            request_id=request_id,
            base=req.prefix,
            route_path=route.path,
            status=route.status,
        )
        if route.gate is Gate.CHANGE and plane.system().state is SystemState.PAUSED:
            raise SystemPaused()
        if route.upload:
            call.chunks, call.content_type = req.stream, req.content_type or ""
            call.idempotency = _idempotency(req, route, call, b"")
        else:
            content = await _content(req, route) if req.method != "GET" else b""
            if decoder is not None and (content or not route.body_optional):
                call.body = body.decode(decoder, content)
            if req.method == "POST":
                call.idempotency = _idempotency(req, route, call, content)
        await _answer(plane, route, call, resp)

    return respond


async def _answer(
    plane: Plane, route: Route, call: Call[Any, Any], resp: falcon.asgi.Response
) -> None:
    known = await _known_answer(plane, call)
    if known is not None:
        status, content = known
    else:
        answer = await _handled(plane, route, call)
        if isinstance(answer, Download):
            resp.status = falcon.HTTP_200
            resp.content_type = answer.content_type
            resp.content_length = answer.size_bytes
            resp.stream = answer.chunks
            return
        status, content = route.status, _encode(answer)
    resp.status = falcon.code_to_http_status(status)
    resp.content_type = falcon.MEDIA_JSON
    resp.data = content


async def _handled(plane: Plane, route: Route, call: Call[Any, Any]) -> Any:
    """The handler's answer. It reads, decides and commits; whoever loses the race looks again."""
    for _ in range(HANDLER_TRIES_MAX):
        try:
            return await route.handler(plane, call)
        except QuotaExceeded as exceeded:
            raise errors.quota_error(exceeded) from None
        except (StoreBusy, StoreUnavailable) as busy:
            raise OutOfThreadPoolWorker() from busy
        except AlreadyExists as exists:
            if exists.noun != IDEMPOTENT_ANSWERS.name:
                raise
            known = await _known_answer(plane, call)
            if known is not None:
                return msgspec.Raw(known[1])
        except (StaleGeneration, RequirementFailed):
            if not route.repeat:
                raise
    raise Contended(entity_kind=route.tag, id=call.path.get("id", ""))


async def _known_answer(plane: Plane, call: Call[Any, Any]) -> tuple[int, bytes] | None:
    """What was answered to this Idempotency-Key before.

    Raises:
        IdempotencyKeyReused: it was used for another body.
    """
    if call.idempotency is None:
        return None
    known = await plane.store.find(IDEMPOTENT_ANSWERS, call.idempotency.id)
    if known is None:
        return None
    if known.body_hash != call.idempotency.body_hash:
        raise IdempotencyKeyReused(key=call.idempotency.key)
    return known.status, known.answer


def _query(req: falcon.asgi.Request, route: Route) -> Any:
    text = req.query_string
    if not text or route.query is NoQuery:
        return route.query()
    if len(text) > QUERY_LENGTH_MAX:
        raise InvalidEntity(problem=f"the query is longer than {QUERY_LENGTH_MAX} characters")
    try:
        said = dict(parse_qsl(text, keep_blank_values=False, errors="strict"))
        return msgspec.convert(said, route.query, strict=False)
    except (ValueError, msgspec.ValidationError) as wrong:
        raise InvalidEntity(problem=f"the query is not understood: {wrong}") from None


async def _content(req: falcon.asgi.Request, route: Route) -> bytes:
    length = req.content_length
    if length is not None and length > BODY_BYTES_MAX:
        raise RequestTooLarge(limit_bytes=BODY_BYTES_MAX)
    if length == 0:
        return b""
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS_MAX):
            async for chunk in req.stream:
                size += len(chunk)
                if size > BODY_BYTES_MAX:
                    raise RequestTooLarge(limit_bytes=BODY_BYTES_MAX)
                chunks.append(chunk)
    except TimeoutError:
        raise RequestTimeout(limit_seconds=BODY_SECONDS_MAX) from None
    content = b"".join(chunks)
    if content and route.body is not None:
        media = (req.content_type or falcon.MEDIA_JSON).partition(";")[0].strip().lower()
        if media != falcon.MEDIA_JSON:
            raise UnsupportedMediaType(content_type=media, expected=falcon.MEDIA_JSON)
    return content


def _idempotency(
    req: falcon.asgi.Request, route: Route, call: Call[Any, Any], content: bytes
) -> IdempotencyKey | None:
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


async def _no_route(
    plane: Plane, req: falcon.asgi.Request, resp: falcon.asgi.Response, **_: str
) -> None:
    raise NotFound(noun="route", id=req.path[:200])


async def _failed(
    plane: Plane,
    req: falcon.asgi.Request,
    resp: falcon.asgi.Response,
    wrong: Exception,
    params: dict[str, Any],
    **_: Any,
) -> None:
    """Writes any error: the catalogue's as they are, everything else as a bug of ours."""
    error = _as_photon_error(wrong, resp)
    if resp.get_header("request-id") is None:
        resp.set_header("request-id", plane.ids.new())
        resp.set_header("x-api-version", API_VERSION)
    resp.status = falcon.code_to_http_status(errors.status_of(error))
    for name, value in errors.headers_of(error).items():
        resp.set_header(name, value)
    resp.stream = None
    resp.content_type = falcon.MEDIA_JSON
    resp.data = _encode(errors.view(error))


def _as_photon_error(wrong: Exception, resp: falcon.asgi.Response) -> PhotonError:
    if isinstance(wrong, PhotonError):
        return wrong
    if isinstance(wrong, falcon.HTTPError) and wrong.status_code < 500:
        return InvalidEntity(problem=wrong.description or wrong.title or "the request is malformed")
    request_id = str(resp.get_header("request-id"))
    log.error("request %s failed", request_id, exc_info=wrong)
    return InternalError(request_id=request_id, problem="an internal error; it was logged")
