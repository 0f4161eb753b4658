"""Quota on two levels (contract, 6.4)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from photon.domain.quota import Amount, QuotaUnit
from photon.store.protocol import Charge
from tests.api.builders import a_project, a_tenant, limits
from tests.api.rig import Api


async def quota(api: Api, path: str) -> dict[str, tuple[float, float]]:
    """Limit and usage of each key."""
    items = (await api.get(f"{path}/quota"))["quotaItems"]
    return {key: (item["limit"], item["usage"]) for key, item in items.items()}


async def use(api: Api, project: str, key: str, count: float) -> None:
    """As a VM that costs so much."""
    await api.store.commit([Charge(project, (Amount(key, count, QuotaUnit.COUNT),))])


async def test_limits_are_shown_in_the_unit_in_which_they_were_set(api: Api) -> None:
    items = {"mem": {"limit": 1.5, "unit": "GB", "usage": 7}, "n": {"limit": 3, "unit": "COUNT"}}
    tenant = await api.made("/v1/tenants", {"name": "a", "quota": {"quotaItems": items}})
    half = {"quotaItems": {"mem": {"limit": 512, "unit": "MB"}}}
    project = await api.made(f"/v1/tenants/{tenant}/projects", {"name": "p", "quota": half})
    answer = await api.ask("GET", f"/v1/tenants/{tenant}/quota")
    assert answer.text == (
        '{"quotaItems":{"mem":{"limit":1.5,"unit":"GB","usage":0.5},'
        '"n":{"limit":3.0,"unit":"COUNT","usage":0.0}}}'
    )
    shown = (await api.get(f"/v1/projects/{project}"))["quota"]
    assert shown == await api.get(f"/v1/projects/{project}/quota")
    assert shown["quotaItems"]["mem"] == {"limit": 512.0, "usage": 0.0, "unit": "MB"}


async def test_put_replaces_patch_adds_delete_removes(api: Api) -> None:
    tenant = f"/v1/tenants/{await a_tenant(api, a=1, b=2)}"
    path = f"{tenant}/quota"
    task = await api.do("PUT", path, limits(b=3, c=4))
    assert (task["operation"], task["entity"]["kind"]) == ("RESET_QUOTA", "tenant")
    assert task["entity"]["id"] in tenant
    assert await quota(api, tenant) == {"b": (3, 0), "c": (4, 0)}
    assert (await api.do("PATCH", path, limits(c=5, d=6)))["operation"] == "UPDATE_QUOTA"
    assert await quota(api, tenant) == {"b": (3, 0), "c": (5, 0), "d": (6, 0)}
    body = {"quotaItems": {"c": {"limit": 0, "usage": 0, "unit": "COUNT"}, "d": None, "zz": {}}}
    assert (await api.do("DELETE", path, body))["operation"] == "DELETE_QUOTA"
    assert await quota(api, tenant) == {"b": (3, 0)}


async def test_a_projects_limits_are_usage_of_its_tenant(api: Api) -> None:
    tenant_id = await a_tenant(api, a=10, b=10)
    tenant = f"/v1/tenants/{tenant_id}"
    first = f"/v1/projects/{await a_project(api, tenant_id, 'p1', a=4)}"
    await a_project(api, tenant_id, "p2", a=6, b=1)
    assert await quota(api, tenant) == {"a": (10, 10), "b": (10, 1)}
    await api.do("PUT", f"{first}/quota", limits(a=1, b=2))
    assert await quota(api, tenant) == {"a": (10, 7), "b": (10, 3)}
    await api.do("PATCH", f"{first}/quota", limits(b=9))
    assert await quota(api, tenant) == {"a": (10, 7), "b": (10, 10)}
    assert await quota(api, first) == {"a": (1, 0), "b": (9, 0)}
    task = await api.do("DELETE", f"{first}/quota", {"quotaItems": {"b": None}})
    assert (task["operation"], task["entity"]["kind"]) == ("DELETE_QUOTA", "project")
    assert await quota(api, tenant) == {"a": (10, 7), "b": (10, 1)}


async def test_what_does_not_fit_changes_nothing(api: Api) -> None:
    tenant_id = await a_tenant(api, a=10, b=10)
    projects = f"/v1/tenants/{tenant_id}/projects"
    project = f"/v1/projects/{await a_project(api, tenant_id, a=4)}"
    error = await api.refused(
        "POST", projects, {"name": "big", "quota": limits(b=1, a=7)}, code="QuotaError"
    )
    assert error["data"] == {
        "limit": "a, 10, COUNT",
        "usage": "a, 4, COUNT",
        "newUsage": "a, 11, COUNT",
    }
    for method in ("PUT", "PATCH"):
        body = limits(a=1, b=11)
        await api.refused(method, f"{project}/quota", body, code="QuotaError")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_project_limits_only_what_its_tenant_limits(api: Api, method: str) -> None:
    tenant_id = await a_tenant(api, a=10)
    project = f"/v1/projects/{await a_project(api, tenant_id, a=4)}"
    await api.refused(method, f"{project}/quota", limits(zz=1), code="QuotaError")
    body = {"name": "q", "quota": limits(a=1, zz=0)}
    await api.refused("POST", f"/v1/tenants/{tenant_id}/projects", body, code="QuotaError")


async def test_a_limit_is_never_below_what_is_used(api: Api) -> None:
    tenant_id = await a_tenant(api, a=10)
    tenant = f"/v1/tenants/{tenant_id}"
    project_id = await a_project(api, tenant_id, a=4)
    await use(api, project_id, "a", 3)
    for method in ("PUT", "PATCH"):
        await api.refused(method, f"{tenant}/quota", limits(a=3.5), code="QuotaError")
        path = f"/v1/projects/{project_id}/quota"
        await api.refused(method, path, limits(a=2), code="QuotaError")
        await api.do(method, path, limits(a=3))
        await api.do(method, path, limits(a=4))
    await api.do("PATCH", f"{tenant}/quota", limits(a=4))


async def test_a_tenants_key_goes_after_its_projects_let_it_go(api: Api) -> None:
    tenant_id = await a_tenant(api, a=10, b=1)
    tenant = f"/v1/tenants/{tenant_id}"
    project = f"/v1/projects/{await a_project(api, tenant_id, a=4)}"
    removal: dict[str, Any] = {"quotaItems": {"a": None, "b": None}}
    error = await api.refused("DELETE", f"{tenant}/quota", removal, code="QuotaError")
    assert error["message"].startswith("projects still hold a, 4, COUNT of the limit a, 10, COUNT;")
    await api.refused("PUT", f"{tenant}/quota", limits(b=5), code="QuotaError")
    await api.do("DELETE", f"{project}/quota", removal)
    await api.do("DELETE", f"{tenant}/quota", removal)
    assert await quota(api, tenant) == {}


async def test_a_key_without_a_limit_is_counted_and_not_limited(api: Api) -> None:
    tenant_id = await a_tenant(api, a=10)
    project_id = await a_project(api, tenant_id, a=4)
    path = f"/v1/projects/{project_id}"
    await use(api, project_id, "a", 4)
    await api.do("DELETE", f"{path}/quota", {"quotaItems": {"a": {}}})
    await use(api, project_id, "a", 4)
    assert await quota(api, path) == {}
    await api.refused("PATCH", f"{path}/quota", limits(a=7), code="QuotaError")
    await api.do("PATCH", f"{path}/quota", limits(a=8))
    assert await quota(api, path) == {"a": (8, 8)}


async def test_numbers_of_things_and_bytes_are_not_mixed(api: Api) -> None:
    tenant_id = await a_tenant(api, a=10)
    project = f"/v1/projects/{await a_project(api, tenant_id, a=4)}"
    in_bytes = {"quotaItems": {"a": {"limit": 1, "unit": "KB"}}}
    for path in (f"{project}/quota", f"/v1/tenants/{tenant_id}/quota"):
        for method in ("PUT", "PATCH"):
            await api.refused(method, path, in_bytes, code="InvalidEntity")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidEntity"),
        ({"quotaItems": None}, "InvalidEntity"),
        ({"quotaItems": []}, "InvalidJson"),
        ({"quotaItems": {"a": None}}, "InvalidEntity"),
        ({"quotaItems": {"a": {"unit": "COUNT"}}}, "InvalidEntity"),
        ({"quotaItems": {"a": {"limit": 1}}}, "InvalidEntity"),
        ({"quotaItems": {"a": {"limit": 1, "unit": "TB"}}}, "InvalidJson"),
        ({"quotaItems": {"a": {"limit": "1", "unit": "COUNT"}}}, "InvalidJson"),
        ({"quotaItems": {"a": {"limit": -1, "unit": "COUNT"}}}, "InvalidEntity"),
        ({"quotaItems": {"a": {"limit": 1e308, "unit": "GB"}}}, "InvalidEntity"),
        ({"quotaItems": {"a": {"limit": 2**64, "unit": "COUNT"}}}, "InvalidEntity"),
        ({"quotaItems": {"": {"limit": 1, "unit": "COUNT"}}}, "InvalidEntity"),
        ({"quotaItems": {"x" * 129: {"limit": 1, "unit": "COUNT"}}}, "InvalidEntity"),
        ({"quotaItems": {"a\nb": {"limit": 1, "unit": "COUNT"}}}, "InvalidEntity"),
        ({"quotaItems": {" a": {"limit": 1, "unit": "COUNT"}}}, "InvalidEntity"),
        (limits(**{f"k{n}": 1 for n in range(501)}), "InvalidEntity"),
    ],
)
async def test_limits_that_cannot_be(api: Api, body: Any, code: str) -> None:
    tenant_id = await a_tenant(api, a=10)
    project = f"/v1/projects/{await a_project(api, tenant_id, a=4)}"
    for path in (f"{project}/quota", f"/v1/tenants/{tenant_id}/quota"):
        for method in ("PUT", "PATCH"):
            await api.refused(method, path, body, code=code)


async def test_quota_of_what_is_not_there(api: Api) -> None:
    for owner in ("tenants", "projects"):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            body = None if method == "GET" else limits(a=1)
            path = f"/v1/{owner}/x/quota"
            await api.refused(method, path, body, code="NotFound", status=404)


async def test_changes_at_once_add_up(api_in_file: Api) -> None:
    api = api_in_file
    tenant_id = await a_tenant(api, a=100)
    projects = [f"/v1/projects/{await a_project(api, tenant_id, f'p{n}', a=1)}" for n in range(4)]

    async def change(n: int) -> int:
        path = f"{projects[n % 4]}/quota"
        method = ("PUT", "PATCH", "DELETE")[n % 3]
        body = {"quotaItems": {"a": {}}} if method == "DELETE" else limits(a=n)
        return (await api.ask(method, path, body)).status_code

    async def tenant_change(n: int) -> int:
        path = f"/v1/tenants/{tenant_id}/quota"
        answer = await api.ask(("PUT", "DELETE")[n % 2], path, limits(a=60 + n))
        return answer.status_code

    statuses = await asyncio.gather(
        *(change(n) for n in range(30)), *(tenant_change(n) for n in range(6))
    )
    assert set(statuses) <= {201, 400}
    held = 0.0
    for project in projects:
        held += (await quota(api, project)).get("a", (0.0, 0.0))[0]
    rows = {row.key: row for row in await api.store.quota(tenant_id)}
    assert rows["a"].usage == held
    if held:
        assert rows["a"].limit is not None
        assert held <= rows["a"].limit
