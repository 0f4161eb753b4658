"""What all routes share: methods, headers, limits, and what is left of a lost race."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import httpx2
import msgspec
import pytest

from photon.api.edge import HANDLER_TRIES_MAX, make_app
from photon.api.plane import Plane
from photon.api.principal import Role
from photon.api.route import Call, Gate, Route, Tag
from photon.api.routes import ROUTES
from photon.store.errors import (
    AlreadyExists,
    StaleGeneration,
    StoreBusy,
    StoreOutcomeUnknown,
    StoreUnavailable,
)
from tests.api.rig import BASE, Api


class Answer(msgspec.Struct):
    tries: int


def a_route(handler: Any, **more: Any) -> Route:
    return Route("POST", "/v1/thing", handler, Answer, Tag.SYSTEM, "A thing", **more)


async def served(tmp_path: Path, handler: Any, **more: Any) -> httpx2.Response:
    api = Api(tmp_path, routes=[a_route(handler, **more)])
    await api.open()
    try:
        return await api.ask("POST", "/v1/thing")
    finally:
        await api.close()


async def test_an_unknown_route_is_not_found(api: Api) -> None:
    for path in ("/", "/v1", "/v2/tenants", "/v1/tenants/a/b/c", "/tenants", "//v1/tenants"):
        for method in ("GET", "POST", "DELETE"):
            await api.refused(method, path, code="NotFound", status=404)


async def test_a_method_that_a_path_does_not_answer(api: Api) -> None:
    for path in {route.path for route in ROUTES}:
        methods = {route.method for route in ROUTES if route.path == path}
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - methods:
            answer = await api.ask(method, path.replace("{id}", "x"))
            assert answer.status_code == 405, (method, path)
            assert answer.json()["code"] == "MethodNotAllowed"
            assert answer.headers["allow"] == ", ".join(sorted(methods))


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "BREW"])
async def test_a_method_that_nobody_answers(api: Api, method: str) -> None:
    answer = await api.ask(method, "/v1/tenants")
    assert answer.status_code in (400, 405)
    assert answer.json()["code"] in ("InvalidEntity", "MethodNotAllowed")


async def test_head_is_refused_without_a_body(api: Api) -> None:
    assert (await api.client.head("/v1/tenants")).status_code == 405


async def test_a_websocket_where_there_is_none_is_closed(api: Api) -> None:
    for path, code in (("/v1/tenants", 3405), ("/v1/nothing", 3404)):
        scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "path": path,
            "query_string": b"",
            "headers": [(b"host", b"api.test")],
            "subprotocols": [],
            "scheme": "ws",
            "server": ("api.test", 80),
        }
        said: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(event: Any, said: list[Any] = said) -> None:
            said.append(event)

        await cast(Any, api.app)(scope, receive, send)
        assert [(event["type"], event["code"]) for event in said] == [("websocket.close", code)]


async def test_a_lost_race_is_run_again(tmp_path: Path) -> None:
    tries = 0

    async def contended(plane: Plane, call: Call[Any, Any]) -> Answer:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise StaleGeneration("vms", "x")
        if tries == 2:
            raise AlreadyExists("port_groups", ("id",))
        return Answer(tries)

    answer = await served(tmp_path, contended)
    assert answer.json() == {"tries": 3}


@pytest.mark.parametrize("repeat", [True, False])
async def test_a_race_that_is_always_lost_is_said_so(tmp_path: Path, *, repeat: bool) -> None:
    tries = 0

    async def contended(plane: Plane, call: Call[Any, Any]) -> Answer:
        nonlocal tries
        tries += 1
        raise StaleGeneration("vms", "x")

    answer = await served(tmp_path, contended, repeat=repeat)
    assert answer.status_code == 400
    assert answer.json()["code"] == "ConcurrentTask"
    assert tries == (HANDLER_TRIES_MAX if repeat else 1)


@pytest.mark.parametrize(
    ("problem", "said", "after"),
    [
        (StoreBusy("full"), "busy", "1"),
        (StoreUnavailable("closed"), "nothing was done", "2"),
        (StoreOutcomeUnknown("midway"), "it may have been done, or not", "2"),
    ],
)
async def test_a_store_that_is_busy_or_away_is_a_503(
    tmp_path: Path, problem: Exception, said: str, after: str
) -> None:
    async def handler(plane: Plane, call: Call[Any, Any]) -> Answer:
        raise problem

    answer = await served(tmp_path, handler)
    assert answer.status_code == 503
    assert answer.json()["code"] == "OutOfThreadPoolWorker"
    assert said in answer.json()["message"]
    assert answer.headers["retry-after"] == after


async def test_a_bug_says_its_request_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def handler(plane: Plane, call: Call[Any, Any]) -> Answer:
        raise ValueError("the password is 123")

    answer = await served(tmp_path, handler)
    assert answer.status_code == 500
    assert answer.json()["code"] == "InternalError"
    assert answer.headers["request-id"] in answer.json()["message"]
    assert "123" not in answer.text
    assert answer.headers["request-id"] in caplog.text


async def test_a_slow_body_is_not_awaited(api: Api) -> None:
    app = make_app(api.plane, ROUTES, body_seconds_max=0.01)
    held = asyncio.Event()

    async def dripping() -> AsyncIterator[bytes]:
        yield b'{"name"'
        await held.wait()

    transport = httpx2.ASGITransport(app=cast(Any, app))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.post("/v1/tenants", content=dripping())
    assert answer.status_code == 408
    assert answer.json()["code"] == "RequestTimeout"
    assert answer.headers["connection"] == "close"
    assert await api.items("/v1/tenants") == []


async def test_a_body_is_read_in_pieces(api: Api) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for byte in b'{"name": "acme"}':
            yield bytes([byte])

    answer = await api.ask("POST", "/v1/tenants", content=pieces())
    assert answer.status_code == 201


async def test_a_body_on_a_get_is_ignored(api: Api) -> None:
    answer = await api.ask("GET", "/v1/tenants", content=b"{nonsense")
    assert answer.status_code == 200


async def test_a_charset_goes_with_json(api: Api) -> None:
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    answer = await api.ask("POST", "/v1/zones", content=b'{"name":"z"}', headers=headers)
    assert answer.status_code == 201


# Asks by a body, and changes nothing.
_ONLY_ASKS = {"/v1/projects/{id}/capacity"}


def test_every_change_is_gated_and_every_route_has_a_role() -> None:
    for route in ROUTES:
        assert isinstance(route.role, Role)
        if route.method != "GET":
            assert (route.gate is Gate.READ) == (route.path in _ONLY_ASKS), route.path


def test_a_route_is_named_once() -> None:
    operations = [route.operation_id for route in ROUTES]
    assert len(set(operations)) == len(operations)
    places = [(route.method, route.path) for route in ROUTES]
    assert len(set(places)) == len(places)
