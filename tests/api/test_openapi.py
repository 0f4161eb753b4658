"""The description of the API: complete, true to the committed file, and readable by itself."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from photon.api import openapi
from photon.api.docs.pages import FOLDER
from photon.api.route import Route
from photon.api.routes import ROUTES
from tests.api.rig import Api

DOCUMENT = msgspec.json.decode(openapi.encoded(ROUTES))


def test_the_committed_file_is_what_is_generated() -> None:
    drifted = openapi.FILE.read_bytes() != openapi.encoded(ROUTES)
    assert not drifted, "run `python -m photon.api.openapi` and commit openapi/v1.json"


def refs(node: Any) -> set[str]:
    if isinstance(node, list):
        return {ref for item in node for ref in refs(item)}
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
    return own | {ref for value in node.values() for ref in refs(value)}


def test_every_reference_leads_somewhere() -> None:
    for ref in refs(DOCUMENT):
        at = DOCUMENT
        for step in ref.removeprefix("#/").split("/"):
            at = at[step]


def test_nothing_is_named_after_python() -> None:
    for name in DOCUMENT["components"]["schemas"]:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", name), name


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_a_route_is_described(route: Route) -> None:
    operation = DOCUMENT["paths"][route.path][route.method.lower()]
    assert operation["operationId"] == route.operation_id
    assert operation["summary"]
    assert operation["x-role"] == route.role
    assert str(route.status) in operation["responses"]
    names = {parameter.get("name") for parameter in operation["parameters"]}
    assert set(re.findall(r"\{(\w+)\}", route.path)) <= names
    keyed = {"$ref": "#/components/parameters/IdempotencyKey"} in operation["parameters"]
    assert keyed == (route.method == "POST")
    assert (route.body is not None or route.upload) == ("requestBody" in operation)


async def test_the_description_is_served(api: Api) -> None:
    answer = await api.client.get("/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT


async def test_the_page_and_all_it_needs_are_served_from_here(api: Api) -> None:
    page = await api.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for asked in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert (await api.client.get(asked)).status_code == 200, asked
    for method in ("POST", "DELETE"):
        assert (await api.ask(method, "/docs")).status_code == 405


def test_the_page_asks_nobody_else() -> None:
    for file in FOLDER.glob("page.*"):
        assert not re.search(r"https?://|@import|url\(", file.read_text()), file.name
