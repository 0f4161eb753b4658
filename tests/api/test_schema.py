"""The API against its own description: whatever it allows is asked, whatever comes is checked."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx2
import msgspec
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from photon.api import openapi
from photon.api.routes import ROUTES
from tests.api.builders import VM_FLAVOR, a_host, a_project, a_tenant
from tests.api.cloud_rig import CloudApi
from tests.api.rig import BASE

EXAMPLES_MAX: Final = 8  # a route; the tests of each rule look deeper than chance does
CHECKS: Final = (
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)
DOCUMENT: Final = msgspec.json.decode(openapi.encoded(ROUTES))

schema = schemathesis.openapi.from_dict(DOCUMENT)


def raw(text: str | bytes) -> bytes:
    """A header may be anything that one byte a character can say."""
    return text if isinstance(text, bytes) else text.encode("latin-1")


class World:
    """An API on a loop of its own, with one of everything in it."""

    def __init__(self, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._api = CloudApi(folder)
        self._ids: dict[str, str] = {}
        self.run(self._begin())

    def run(self, awaitable: Any) -> Any:
        return self._loop.run_until_complete(awaitable)

    def close(self) -> None:
        self.run(self._api.close())
        self._loop.close()

    async def _begin(self) -> None:
        await self._api.open()
        await self._again()

    async def _again(self) -> None:
        """Whatever was deleted or paused meanwhile is made anew."""
        api, name = self._api, f"n{self._api.ids.new()}"
        await api.ask("POST", "/v1/system/resume")
        tenant = await a_tenant(api, name, a=10)
        await a_host(api, name)
        subnet = {"name": name, "portGroups": {"names": [name]}}
        zone = await api.do("POST", "/v1/zones", {"name": name})
        self._ids = {
            "tenants": tenant,
            "projects": await a_project(api, tenant, a=1),
            "subnets": await api.made("/v1/subnets", subnet),
            "flavors": await api.made("/v1/flavors", {**VM_FLAVOR, "name": name}),
            "zones": zone["entity"]["id"],
            "tasks": zone["id"],
        }

    def answer(self, case: schemathesis.Case[Any]) -> httpx2.Response:
        """Asks; every other id is one that is there."""
        noun = case.path.split("/")[2]
        if noun in self._ids and len(str(case.path_parameters.get("id", ""))) % 2:
            case.path_parameters["id"] = self._ids[noun]
        if case.query:
            case.query.pop("watch", None)  # A stream has no end; test_watch reads them.
        said = case.as_transport_kwargs(base_url=BASE)
        names = ("method", "url", "params", "headers", "cookies", "data", "json", "files")
        prepared = requests.Request(**{n: said[n] for n in names if n in said}).prepare()
        answer = self.run(
            self._api.client.request(
                str(prepared.method),
                str(prepared.url),
                headers=[(raw(name), raw(value)) for name, value in prepared.headers.items()],
                content=prepared.body,  # type: ignore[arg-type]  # bytes or text, here
            )
        )
        assert isinstance(answer, httpx2.Response)
        if answer.is_success and case.method.upper() != "GET":
            self.run(self._again())
        return answer


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder))
        yield world
        world.close()


@schema.parametrize()
@settings(
    max_examples=EXAMPLES_MAX,
    deadline=None,
    derandomize=True,
    database=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_described(case: schemathesis.Case[Any], world: World) -> None:
    case.validate_response(world.answer(case), checks=list(CHECKS))
