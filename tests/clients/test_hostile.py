"""Whatever is sent to whichever route: an error of the contract, and nothing changes."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from photon.api.route import Route
from photon.api.routes import ROUTES
from tests.clients.cloud import World
from tests.clients.go_client import Answer, as_error
from tests.clients.go_json import Anything

NOBODY = "00000000-0000-4000-8000-000000000000"
ANY = Anything()
JSON = "application/json"
LISTS = (
    "tenants",
    "flavors",
    "images",
    "subnets",
    "zones",
    "infrastructure/hosts",
    "infrastructure/datastores",
    "system/info",
    "system/properties",
    "tasks",
)
OF_PROJECT = ("vms", "disks", "tasks")
# Without a body and an id, these mean what they say whatever comes with them.
PLAIN = {
    "/v1/system/audit",
    "/v1/system/pause",
    "/v1/system/pause-background-tasks",
    "/v1/system/resume",
    "/v1/infrastructure/sync-hosts-config",
}
WITH_ID = [route for route in ROUTES if "{id}" in route.path]
WITH_BODY = [route for route in ROUTES if route.body is not None]
QUERIED = [route for route in ROUTES if route.method == "GET" and "{id}" not in route.path]

IDS = [
    "%2e%2e%2f",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..",
    "..%5c..",
    "%00",
    "a%00b",
    "%ff%fe",
    "%0d%0aX-Evil:%201",
    "%F0%9F%98%80",
    "%",
    "%zz",
    "{id}",
    "*",
    "';--",
    "x" * 10_000,
    "%41" * 5_000,
    NOBODY.upper(),
    "0" * 37,
    "-1",
    "null",
]
BODIES = [
    b"",
    b"{",
    b"nonsense",
    b"[]",
    b"null",
    b'"text"',
    b"7",
    b"\xff\xfe",
    b'{"name": "\xff"}',
    b'{"name": "\\ud800"}',
    b"\xef\xbb\xbf{}",
    b"[" * 50_000,
    b'{"a":' * 50_000,
    b'{"name": "a"} {"name": "b"}',
    b'{"name": NaN, "items": NaN, "size": Infinity, "quotaItems": NaN, "metadata": NaN, '
    b'"names": NaN, "value": NaN, "diskId": NaN, "availabilityZoneId": NaN, "usageTags": NaN}',
]
MEMBERS = [
    "name",
    "address",
    "username",
    "password",
    "usageTags",
    "metadata",
    "zone",
    "cost",
    "kind",
    "flavor",
    "sourceImageId",
    "attachedDisks",
    "capacityGb",
    "affinities",
    "subnets",
    "environment",
    "quota",
    "quotaItems",
    "securityGroups",
    "items",
    "names",
    "portGroups",
    "type",
    "description",
    "privateIpCidr",
    "dnsServerAddresses",
    "diskId",
    "value",
    "size",
    "availabilityZoneId",
    "replicationType",
]
VALUES = [
    "1e999",
    "-1e999",
    "9" * 400,
    "-1",
    "0.5",
    "true",
    '""',
    '"\\u0000"',
    json.dumps("x" * 20_000),
    '"\\u202e"',
    "[null]",
    "[[]]",
    '[{"key": "a", "value": 1e308, "unit": "GB"}]',
    '{"": null}',
    '{"a": {"limit": 1e308, "unit": "GB"}}',
    '{"names": ["' + "x" * 1000 + '"]}',
]
QUERIES = [
    "name=%ff",
    "name=%00",
    "name=%F0%9F%98%80",
    "name=" + "x" * 9000,
    "&&&&",
    "=",
    "name",
    "name=a&name=b",
    "pageSize=9" + "9" * 400,
    "pageSize=%D9%A3",
    "pageLink=%ff",
    "pageLink=" + "A" * 5000,
    "pageLink=W10",
    "state=%00",
    "entityId=%ff&entityKind=vm",
    "wait=-1",
    "tag=%00",
    ";" * 100,
    "&".join(f"a{n}=1" for n in range(1000)),
]


class Line:
    """Sends exactly what it is told to, on a connection that is kept while the server keeps it."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._http = HTTPConnection(*address, timeout=30)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, content: bytes = b"", media: str = JSON) -> Answer:
        self._http.putrequest(method, path, skip_accept_encoding=True)
        self._http.putheader("Content-Type", media)
        self._http.putheader("Content-Length", str(len(content)))
        self._http.endheaders(content)
        response = self._http.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, response.read(), headers)
        assert answer.status < 500, (method, path[:80], content[:80], answer.content)
        assert headers["x-api-version"] == "1.0"
        assert len(headers["request-id"]) == 36
        return answer

    def refused(self, method: str, path: str, content: bytes = b"", media: str = JSON) -> str:
        """The code of the error that this must be."""
        status, code, _ = as_error(self.ask(method, path, content, media))
        assert 400 <= status < 500, (method, path[:80], content[:80])
        return code


@pytest.fixture
def line(world: World) -> Iterator[Line]:
    with closing(Line(world.client.address)) as opened:
        yield opened


@pytest.fixture(autouse=True, scope="module")
def _unchanged(world: World) -> Iterator[None]:
    before = everything(world)
    yield
    assert everything(world) == before


def everything(world: World) -> dict[str, Any]:
    """All that the API shows."""
    go = world.client
    paths = [f"/v1/{noun}" for noun in LISTS]
    paths += [f"/v1/projects/{world.project}/{noun}" for noun in OF_PROJECT]
    paths += [f"/v1/tenants/{world.tenant}/projects"]
    seen: dict[str, Any] = {}
    for path in paths:
        if path.startswith("/v1/system"):
            seen[path] = go.get(path, ANY)
        else:
            seen[path] = [(item["id"], item.get("state")) for item in go.items(path, ANY)]
    return seen


def whole(world: World, path: str) -> str:
    """The path with a real id."""
    ids = {
        "tenants": world.tenant,
        "projects": world.project,
        "subnets": world.subnet,
        "images": world.image,
        "infrastructure": world.hosts[1],
    }
    return path.replace("{id}", ids.get(path.split("/")[2], NOBODY))


@pytest.mark.parametrize("id", IDS, ids=lambda id: id[:12])
def test_ids_that_are_none(line: Line, id: str) -> None:
    for route in WITH_ID:
        code = line.refused(route.method, route.path.replace("{id}", id), b"{}")
        allowed = {"InvalidEntity", "InvalidJson", "UnsupportedMediaType", "ImageUploadError"}
        # `..` stays what it is: nobody takes a path apart on the way.
        assert code.endswith("NotFound") or code in allowed | {"MethodNotAllowed"}, route.path


@pytest.mark.parametrize("content", BODIES, ids=lambda content: repr(content[:12]))
def test_bodies_that_are_none(world: World, line: Line, content: bytes) -> None:
    for route in WITH_BODY:
        code = line.refused(route.method, whole(world, route.path), content)
        assert code in ("InvalidJson", "InvalidEntity"), (route.method, route.path)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:12])
def test_members_that_are_none(line: Line, value: str) -> None:
    content = ("{" + ", ".join(f'"{member}": {value}' for member in MEMBERS) + "}").encode()
    for route in WITH_BODY:
        line.refused(route.method, route.path.replace("{id}", NOBODY), content)


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: query[:12])
def test_queries_that_are_none(line: Line, query: str) -> None:
    for route in QUERIED:
        answer = line.ask("GET", f"{route.path}?{query}")
        if answer.status != 200:
            code = as_error(answer)[1]
            assert code in ("InvalidQueryParams", "InvalidPageSize", "PageExpired"), route.path


@pytest.mark.parametrize(
    "media",
    ["text/plain", "application/xml", "multipart/form-data", "multipart/form-data; boundary="],
)
def test_content_of_another_type(world: World, line: Line, media: str) -> None:
    for route in ROUTES:
        if route.body is not None:
            code = line.refused(route.method, whole(world, route.path), b"{}", media)
            assert code == "UnsupportedMediaType"
        elif route.upload:
            code = line.refused(route.method, whole(world, route.path), b"{}", media)
            assert code == "ImageUploadError"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_methods_that_a_path_does_not_answer(world: World, line: Line, method: str) -> None:
    known = {(route.method, route.path) for route in ROUTES}
    for path in {route.path for route in ROUTES} - PLAIN:
        if (method, path) not in known:
            assert line.refused(method, whole(world, path)) in ("MethodNotAllowed", "InvalidEntity")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /v1/tasks\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v1/vms/\xff\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/tasks HTTP/2.0\r\nHost: x\r\n\r\n",
        b"FOO /v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=range(9),
)
def test_what_is_no_request_is_answered_in_the_same_shape(world: World, head: bytes) -> None:
    with closing(socket.create_connection(world.client.address, timeout=10)) as line:
        line.sendall(head)
        response = HTTPResponse(line)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        answer = Answer(response.status, response.read(), headers)
    assert headers["x-api-version"] == "1.0"
    assert len(headers["request-id"]) == 36
    assert headers["connection"] == "close"
    assert as_error(answer)[:2] == (400, "InvalidEntity")


def test_every_route_is_tried() -> None:
    tried: set[int] = {id(route) for route in (*WITH_ID, *WITH_BODY, *QUERIED)}
    left = {route.path for route in _left(tried) if not route.upload}
    assert left == PLAIN


def _left(tried: set[int]) -> list[Route]:
    return [route for route in ROUTES if id(route) not in tried]
