"""The edge: one ASGI application (Falcon) that turns requests into calls of the route table.

Handlers know nothing of it. What all routes share is here: sizes and times of bodies, decoding,
the pause gate, idempotency keys, repeating a handler that lost a race, and how errors are written.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from types import SimpleNamespace
from typing import Any, Final, cast

import falcon
import falcon.asgi
import msgspec
from falcon.routing import CompiledRouter

from photon.api import errors, request
from photon.api.body import printable
from photon.api.docs.pages import add_pages
from photon.api.download import Download
from photon.api.edge_errors import MethodNotAllowed, StoreAway, StoreAwayMidway
from photon.api.plane import Plane
from photon.api.principal import ANYBODY
from photon.api.route import API_VERSION, LINE, REVISION_HEADER, Call, Gate, Route
from photon.api.router import Router
from photon.api.watching import EVENT_STREAM, WatchStream
from photon.domain.error_catalogue import (
    Contended,
    IdempotencyKeyReused,
    InternalError,
    NotFound,
    OutOfThreadPoolWorker,
    SystemPaused,
)
from photon.domain.errors import PhotonError, code_of
from photon.domain.system import SystemState
from photon.store.errors import (
    AlreadyExists,
    QuotaExceeded,
    RequirementFailed,
    StaleGeneration,
    StoreBusy,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from photon.store.nouns import IDEMPOTENT_ANSWERS

HANDLER_TRIES_MAX: Final = 8  # Whoever loses eight races in a row meets a hot row: say so.

WEBSOCKET_STATUS: Final = 3000  # A close code is an HTTP status above this (RFC 6455, 7.4.2).

encode: Final = msgspec.json.Encoder().encode
_Respond = Callable[..., Awaitable[None]]

_STATUS_LINES: Final = {status: falcon.code_to_http_status(status) for status in (200, 201, 202)}

log = logging.getLogger(__name__)


def make_app(
    plane: Plane,
    routes: Sequence[Route],
    *,
    body_seconds_max: float = request.BODY_SECONDS_MAX,
) -> falcon.asgi.App[Any, Any]:
    """The ASGI application that serves `routes`, and the reference that is made from them."""
    # Falcon takes any router, and calls the type after its own.
    router = cast("CompiledRouter", Router())
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App(router=router)
    app.req_options.strip_url_path_trailing_slash = True
    by_path: dict[str, dict[str, Route]] = {}
    for route in routes:
        by_path.setdefault(route.path, {})[route.method] = route
    for path, methods in by_path.items():
        app.add_route(path, _resource(plane, path, methods, body_seconds_max))
    add_pages(app, plane, routes)
    for kind in (Exception, falcon.HTTPError):  # Falcon has a handler of its own for the latter.
        app.add_error_handler(kind, _failure(plane))
    app.add_sink(_no_route, prefix="/")
    return app


def _resource(
    plane: Plane, path: str, methods: dict[str, Route], body_seconds_max: float
) -> object:
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
        f"on_{method.lower()}": _responder(plane, route, body_seconds_max)
        for method, route in methods.items()
    }
    return SimpleNamespace(**responders)


def _responder(plane: Plane, route: Route, body_seconds_max: float) -> _Respond:
    message = request.body_reader(route)

    async def respond(req: falcon.asgi.Request, resp: falcon.asgi.Response, **path: str) -> None:
        request_id = plane.ids.new()
        resp.set_header("request-id", request_id)
        resp.set_header("x-api-version", API_VERSION)
        call = call_of(plane, route, req, path, request_id)
        if route.upload:
            call.chunks, call.content_type = req.stream, req.content_type or ""
            call.content_length = req.content_length
            call.idempotency = request.idempotency_of(req, route, call, b"")
        elif route.method != "GET":
            content = await request.content_of(req, route, seconds_max=body_seconds_max)
            take_body(route, req, call, message, content)
        if route.watches:
            call.last_event_id = req.get_header("last-event-id")
            call.line = req.scope.get("extensions", {}).get(LINE)
        answer = await answer_to(plane, route, call)
        if call.revision is not None:
            resp.set_header(REVISION_HEADER, str(call.revision))
        if isinstance(answer, WatchStream):
            resp.content_type = EVENT_STREAM
            resp.set_header("cache-control", "no-store")
            resp.set_header("x-accel-buffering", "no")  # some proxies would keep events back
            resp.stream = answer
            return
        if isinstance(answer, Download):
            resp.content_type = answer.content_type
            resp.content_length = answer.size_bytes
            resp.stream = answer.chunks
            return
        resp.status = _STATUS_LINES[call.status]
        resp.content_type = falcon.MEDIA_JSON
        resp.data = encode(answer)

    return respond


def call_of(
    plane: Plane, route: Route, req: request.Asked, path: dict[str, str], request_id: str
) -> Call[Any, Any]:
    """The call that a request is, without its body."""
    if route.gate is Gate.CHANGE and plane.system().state is SystemState.PAUSED:
        raise SystemPaused()
    return Call(
        path=request.checked_path(path),
        query=request.query_of(req, route),
        body=None,
        principal=ANYBODY,
        request_id=request_id,
        base=request.base_of(req),
        route_path=route.path,
        status=route.status,
    )


def take_body(
    route: Route,
    req: request.Asked,
    call: Call[Any, Any],
    message: Callable[[bytes], Any],
    content: bytes,
) -> None:
    """Makes the route's message of the body, and of the key what it means."""
    call.body = message(content)
    if route.method == "POST":
        call.idempotency = request.idempotency_of(req, route, call, content)


async def answer_to(plane: Plane, route: Route, call: Call[Any, Any]) -> Any:
    """The handler's answer; with an Idempotency-Key, the one that was given the first time.

    What an upload says is known only when all of it has come, so its handler keeps its key.
    """
    try:
        return await _answer_once(plane, route, call)
    except StoreBusy as busy:
        raise OutOfThreadPoolWorker() from busy
    except StoreOutcomeUnknown as unknown:
        raise StoreAwayMidway() from unknown
    except StoreUnavailable as away:
        raise StoreAway() from away


async def _answer_once(plane: Plane, route: Route, call: Call[Any, Any]) -> Any:
    if call.idempotency is None or route.upload:
        return await _handled(plane, route, call)
    known = await _known_answer(plane, call)
    if known is not None:
        return known
    try:
        return await _handled(plane, route, call)
    except PhotonError:
        # An equal request may have been done meanwhile, and this one refused because of it.
        known = await _known_answer(plane, call)
        if known is None:
            raise
        return known


async def _handled(plane: Plane, route: Route, call: Call[Any, Any]) -> Any:
    """The handler's answer. It reads, decides and commits; whoever loses the race looks again."""
    for _ in range(HANDLER_TRIES_MAX):
        try:
            return await route.handler(plane, call)
        except QuotaExceeded as exceeded:
            raise errors.quota_error(exceeded) from None
        except AlreadyExists as exists:
            if exists.noun == IDEMPOTENT_ANSWERS.name or not route.repeat:
                break
        except (StaleGeneration, RequirementFailed):
            if not route.repeat:
                break
            plane.kept.forget()
    raise Contended(entity_kind=route.tag.value, id=call.path.get("id", ""))


async def _known_answer(plane: Plane, call: Call[Any, Any]) -> msgspec.Raw | None:
    """What was answered to this Idempotency-Key before.

    Raises:
        IdempotencyKeyReused: it was used for another body.
    """
    assert call.idempotency is not None
    known = await plane.store.find(IDEMPOTENT_ANSWERS, call.idempotency.id)
    if known is None:
        return None
    if known.body_hash != call.idempotency.body_hash:
        raise IdempotencyKeyReused(key=call.idempotency.key)
    call.status = known.status
    return msgspec.Raw(known.answer)


async def _no_route(req: falcon.asgi.Request, resp: object, ws: object = None, **_: str) -> None:
    raise NotFound(noun="route", id=printable(req.path[: request.ID_LENGTH_MAX]))


def _failure(plane: Plane) -> _Respond:
    """Writes any error: the catalogue's as they are, everything else as a bug of ours."""

    async def write(
        req: falcon.asgi.Request,
        resp: falcon.asgi.Response | None,
        wrong: Exception,
        params: dict[str, Any],
        ws: falcon.asgi.WebSocket | None = None,
    ) -> None:
        known = None if resp is None else resp.get_header("request-id")
        request_id = known or plane.ids.new()
        error = known_error(wrong, req, request_id)
        status = errors.status_of(error)
        if resp is None:
            assert ws is not None
            await ws.close(WEBSOCKET_STATUS + status, code_of(error))
            return
        resp.set_header("request-id", request_id)
        resp.set_header("x-api-version", API_VERSION)
        for name, value in errors.headers_of(error).items():
            resp.set_header(name, value)
        resp.status = falcon.code_to_http_status(status)
        resp.stream = None
        resp.content_type = falcon.MEDIA_JSON
        resp.data = encode(errors.view(error))

    return write


def known_error(wrong: Exception, req: request.Asked, request_id: str) -> PhotonError:
    """The catalogue's error for whatever was raised; a bug of ours is logged."""
    if isinstance(wrong, PhotonError):
        return wrong
    if isinstance(wrong, falcon.HTTPError) and wrong.status_code < 500:
        return request.malformed(req, wrong)
    log.error("request %s failed", request_id, exc_info=wrong)
    return InternalError(request_id=request_id, problem="an internal error; it was logged")
