"""Whatever is sent, the answer is the contract's and nothing changes that should not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from photon.api.routes import ROUTES
from photon.api.tables import (
    flavors,
    projects,
    quotas,
    subnets,
    system,
    tenants,
    zones,
)
from tests.api.builders import a_host, a_project, a_tenant, limits
from tests.api.rig import Api

OURS = (flavors, projects, quotas, subnets, system, tenants, zones)
WITH_BODY = [
    (route.method, route.path)
    for table in OURS
    for route in table.ROUTES
    if route.body is not None and not route.body_optional
]
JSON = {"content-type": "application/json"}
NAMED: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/v1/tenants", {}),
    ("POST", "/v1/tenants/{tenant}/projects", {}),
    ("POST", "/v1/zones", {}),
    (
        "POST",
        "/v1/flavors",
        {
            "kind": "persistent-disk",
            "cost": [{"key": "a", "value": 1, "unit": "COUNT"}],
        },
    ),
    ("POST", "/v1/subnets", {"portGroups": {"names": ["pg"]}}),
    ("PATCH", "/v1/subnets/{subnet}", {}),
]
BAD_NAMES = [
    "",
    " ",
    "1foo",
    "-a",
    "a b",
    "a_b",
    "a.b",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "a\n",
    "a\r\nx: y",
    "a\x00b",
    "a" * 64,
    "a" * 100_000,
    "ä",
    "аcme",  # with a Cyrillic first letter
    "a\u202e",
    "\U0001f600",
    "<script>",
    "'; DROP TABLE tenants; --",
    "%s%n",
]


async def world(api: Api) -> dict[str, str]:
    tenant = await a_tenant(api, a=10)
    project = await a_project(api, tenant, a=4)
    await a_host(api, "pg", "pg2")
    subnet = await api.made("/v1/subnets", {"name": "n", "portGroups": {"names": ["pg2"]}})
    return {"tenant": tenant, "project": project, "subnet": subnet}


def place(path: str, ids: dict[str, str]) -> str:
    noun = path.split("/")[2].removesuffix("s")
    return path.replace("{id}", ids.get(noun, "none")).format(**ids)


@pytest.mark.parametrize("name", BAD_NAMES)
async def test_a_name_that_is_none(api: Api, name: str) -> None:
    ids = await world(api)
    for method, path, body in NAMED:
        error = await api.refused(
            method, place(path, ids), {"name": name, **body}, code="InvalidEntity"
        )
        assert error["message"].startswith(("name ", "the body "))
        assert error["message"].isprintable()
        assert len(error["message"]) < 400


@pytest.mark.parametrize("name", [None, 1, True, [], {}])
async def test_a_name_that_is_no_text(api: Api, name: Any) -> None:
    ids = await world(api)
    code = "InvalidEntity" if name is None else "InvalidJson"
    for method, path, body in NAMED:
        await api.refused(method, place(path, ids), {"name": name, **body}, code=code)


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_body_that_is_none(api: Api, method: str, path: str) -> None:
    path = place(path, await world(api))
    for content in (
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"[]",
        b"null",
        b'"text"',
        b"NaN",
        b'{"items": [NaN], "size": NaN, "name": NaN, "names": [NaN], "quotaItems": NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"name": "a"} {"name": "b"}',
    ):
        answer = await api.ask(method, path, content=content, headers=JSON)
        assert answer.status_code == 400, (content[:40], answer.text)
        assert answer.json()["code"] in ("InvalidJson", "InvalidEntity")
        message = answer.json()["message"]
        if answer.json()["code"] == "InvalidJson":
            assert message.startswith("The supplied JSON could not be parsed: ")
        assert message.isprintable()


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_body_of_another_type(api: Api, method: str, path: str) -> None:
    path = place(path, await world(api))
    for media in ("text/plain", "application/xml", "multipart/form-data; boundary=x", "json"):
        await api.refused(
            method,
            path,
            content=b"{}",
            headers={"content-type": media},
            code="UnsupportedMediaType",
            status=415,
        )


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_body_that_is_too_large(api: Api, method: str, path: str) -> None:
    path = place(path, await world(api))
    large = b" " * (1 << 20) + b"{}"

    async def without_a_length() -> Any:
        for start in range(0, len(large), 1 << 16):
            yield large[start : start + (1 << 16)]

    for content in (large, without_a_length()):
        answer = await api.ask(method, path, content=content, headers=JSON)
        assert answer.status_code == 413
        assert answer.json()["code"] == "RequestTooLarge"
        assert answer.headers["connection"] == "close"


async def test_members_that_nobody_knows_are_ignored(api: Api) -> None:
    ids = await world(api)
    more = {"id": "mine", "extra": {"deep": [1, {"x": None}]}, "state": "ERROR", "é": 1e308}
    for n, (method, path, body) in enumerate(NAMED):
        said = {"name": f"n{n}", **body, **more}
        task = await api.do(method, place(path, ids), said)
        assert task["entity"]["id"] != "mine"


async def test_numbers_without_end(api: Api) -> None:
    await world(api)
    for number in ("1e308", "1e999", "-1e999", str(2**63), str(2**64), "9" * 400, "-1", "0.5"):
        content = f'{{"size": {number}}}'
        answer = await api.ask(
            "POST", "/v1/system/properties/update", content=content.encode(), headers=JSON
        )
        assert answer.status_code == 400, number
    assert (await api.get("/v1/system/properties"))["quorum"] == 1


@pytest.mark.parametrize(
    "id",
    ["%00", "%ff", "..%2f..%2fetc", "%0d%0aX-Evil:%201", "x" * 4000, "%F0%9F%98%80", "%", "{id}"],
)
async def test_an_id_that_is_none(api: Api, id: str) -> None:
    for route in ROUTES:
        if route.method == "GET" and route.path.endswith("{id}"):
            answer = await api.ask("GET", route.path.replace("{id}", id))
            assert answer.status_code == 404, route.path
            assert answer.json()["code"].endswith("NotFound")
            assert len(answer.content) < 1000


@pytest.mark.parametrize(
    "query",
    [
        "name=%ff",
        "name=%00",
        "name=" + "x" * 9000,
        "&&&&",
        "=",
        "name",
        "name=&pageSize=",
        "name=a&name=b",
        "unknown=%F0%9F%98%80",
        ";" * 100,
        "&".join(f"a{n}=1" for n in range(1000)),
    ],
)
async def test_any_query_is_answered(api: Api, query: str) -> None:
    for path in ("/v1/tenants", "/v1/tasks", "/v1/flavors", "/v1/info"):
        answer = await api.ask("GET", f"{path}?{query}")
        assert answer.status_code in (200, 400), answer.text
        if answer.status_code == 400:
            assert answer.json()["code"] == "InvalidQueryParams"


async def test_groups_beyond_all_limits(api: Api) -> None:
    tenant = await a_tenant(api)
    path = f"/v1/tenants/{tenant}/set_security_groups"
    await api.refused("POST", path, {"items": ["a\\b"] * 1001}, code="InvalidEntity")
    await api.refused("POST", path, {"items": ["a\\" + "b" * 300]}, code="InvalidEntity")
    await api.refused("POST", path, {"items": None}, code="InvalidEntity")
    await api.refused("POST", path, {"items": "a\\b"}, code="InvalidJson")
    body = {"name": "b", "securityGroups": [f"a\\{n}" for n in range(1001)]}
    await api.refused("POST", "/v1/tenants", body, code="InvalidEntity")
    body = {"name": "b", "securityGroups": ["a\\" + "b" * 300]}
    await api.refused("POST", "/v1/tenants", body, code="InvalidSecurityGroupFormat")


async def test_what_refuses_a_quota_refuses_what_it_comes_with(api: Api) -> None:
    ids = await world(api)
    bad = {"quotaItems": {"a": {"limit": 1e308, "unit": "GB"}}}
    await api.refused("POST", "/v1/tenants", {"name": "t", "quota": bad}, code="InvalidEntity")
    path = place("/v1/tenants/{tenant}/projects", ids)
    await api.refused("POST", path, {"name": "p", "quota": bad}, code="InvalidEntity")
    body = {"name": "p", "quota": limits(a=7)}
    await api.refused("POST", path, body, code="QuotaError")


async def test_a_removal_says_what_to_remove(api: Api) -> None:
    path = place("/v1/tenants/{tenant}/quota", await world(api))
    for body in ({}, {"quotaItems": None}):
        await api.refused("DELETE", path, body, code="InvalidEntity")
    await api.refused("DELETE", path, {"quotaItems": ["a"]}, code="InvalidJson")
    await api.refused("DELETE", path, code="InvalidJson")


def test_every_body_is_tried() -> None:
    assert len(WITH_BODY) >= 15, json.dumps(WITH_BODY)
