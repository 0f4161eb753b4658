"""Tenants (contract, 1.3, 2.5 and 3.8)."""

from __future__ import annotations

import asyncio

import pytest

from tests.api.rig import BASE, Api

GROUPS = ["corp\\admins", "corp\\ops"]


async def test_a_tenant_is_there_when_its_task_is_answered(api: Api) -> None:
    task = await api.do("POST", "/v1/tenants", {"name": "acme", "securityGroups": None})
    assert task["operation"] == "CREATE_TENANT"
    assert task["entity"]["kind"] == "tenant"
    assert [step["operation"] for step in task["steps"]] == ["CREATE_TENANT"]
    id = task["entity"]["id"]
    assert await api.get(f"/v1/tenants/{id}") == {
        "id": id,
        "selfLink": f"{BASE}/v1/tenants/{id}",
        "kind": "tenant",
        "name": "acme",
        "tags": [],
        "securityGroups": [],
        "quota": {"quotaItems": {}},
    }


async def test_a_tenants_name_is_the_only_one(api: Api) -> None:
    await api.made("/v1/tenants", {"name": "acme"})
    await api.refused("POST", "/v1/tenants", {"name": "acme"}, code="NameTaken")


async def test_one_of_many_equal_names_at_once_wins(api_in_file: Api) -> None:
    api = api_in_file
    answers = await asyncio.gather(
        *(api.ask("POST", "/v1/tenants", {"name": "acme"}) for _ in range(10))
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 9
    assert {answer.json()["code"] for answer in answers if answer.status_code == 400} == {
        "NameTaken"
    }
    assert len(await api.items("/v1/tenants")) == 1


async def test_tenants_are_found_by_name(api: Api) -> None:
    await api.made("/v1/tenants", {"name": "acme"})
    other = await api.made("/v1/tenants", {"name": "other"})
    found = await api.get("/v1/tenants?name=other&")
    assert [tenant["id"] for tenant in found["items"]] == [other]
    assert (await api.get("/v1/tenants?name=nobody"))["items"] == []


async def test_a_deleted_tenant_is_gone_and_its_tasks_are_not(api: Api) -> None:
    id = await api.made("/v1/tenants", {"name": "acme", "quota": {"quotaItems": None}})
    task = await api.do("DELETE", f"/v1/tenants/{id}")
    assert task["operation"] == "DELETE_TENANT"
    await api.refused("GET", f"/v1/tenants/{id}", code="NotFound", status=404)
    await api.refused("DELETE", f"/v1/tenants/{id}", code="NotFound", status=404)
    tasks = await api.get(f"/v1/tasks?entityId={id}&entityKind=tenant")
    assert [task["operation"] for task in tasks["items"]] == ["CREATE_TENANT", "DELETE_TENANT"]


async def test_a_tenant_with_projects_is_not_deleted(api: Api) -> None:
    id = await api.made("/v1/tenants", {"name": "acme"})
    for name in ("p1", "p2"):
        await api.made(f"/v1/tenants/{id}/projects", {"name": name})
    error = await api.refused("DELETE", f"/v1/tenants/{id}", code="ContainerNotEmpty")
    assert error["data"] == {"kind": "tenant", "id": id, "message": "2 projects"}


async def test_of_many_deletions_at_once_one_is_done(api_in_file: Api) -> None:
    api = api_in_file
    id = await api.made("/v1/tenants", {"name": "acme"})
    answers = await asyncio.gather(*(api.ask("DELETE", f"/v1/tenants/{id}") for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [404] * 9


async def test_a_project_never_comes_into_a_tenant_that_goes(api_in_file: Api) -> None:
    api = api_in_file
    id = await api.made("/v1/tenants", {"name": "acme"})
    answers = await asyncio.gather(
        api.ask("DELETE", f"/v1/tenants/{id}"),
        api.ask("POST", f"/v1/tenants/{id}/projects", {"name": "p"}),
        api.ask("DELETE", f"/v1/tenants/{id}"),
        api.ask("POST", f"/v1/tenants/{id}/projects", {"name": "q"}),
    )
    projects = [a.json()["entity"]["id"] for a in answers[1::2] if a.status_code == 201]
    gone = any(a.status_code == 201 for a in answers[::2])
    assert not (gone and projects)


async def test_a_tenants_tasks_are_listed_and_chosen_by_state(api: Api) -> None:
    id = await api.made("/v1/tenants", {"name": "acme"})
    tasks = await api.get(f"/v1/tenants/{id}/tasks?state=completed")
    assert [task["operation"] for task in tasks["items"]] == ["CREATE_TENANT"]
    assert (await api.get(f"/v1/tenants/{id}/tasks?state=ERROR"))["items"] == []
    await api.refused("GET", "/v1/tenants/none/tasks", code="NotFound", status=404)


async def test_security_groups_are_replaced_and_inherited_by_projects(api: Api) -> None:
    id = await api.made("/v1/tenants", {"name": "acme", "securityGroups": ["corp\\old"]})
    project = await api.made(f"/v1/tenants/{id}/projects", {"name": "p"})
    path = f"/v1/tenants/{id}/set_security_groups"
    task = await api.do("POST", path, {"items": GROUPS}, status=200)
    assert [step["operation"] for step in task["steps"]] == [
        "SET_TENANT_SECURITY_GROUPS",
        "PUSH_TENANT_SECURITY_GROUPS",
    ]
    assert (await api.get(f"/v1/tenants/{id}"))["securityGroups"] == [
        {"name": group, "inherited": False} for group in GROUPS
    ]
    assert (await api.get(f"/v1/projects/{project}"))["securityGroups"] == [
        {"name": group, "inherited": True} for group in GROUPS
    ]


@pytest.mark.parametrize("group", ["admins", "\\admins", "corp\\", "a\\b\\c", "a\\b\n", "", "é"])
async def test_a_security_group_is_domain_and_group(api: Api, group: str) -> None:
    id = await api.made("/v1/tenants", {"name": "acme"})
    await api.refused(
        "POST",
        f"/v1/tenants/{id}/set_security_groups",
        {"items": [group]},
        code="InvalidSecurityGroupFormat",
    )
    await api.refused(
        "POST",
        "/v1/tenants",
        {"name": "b", "securityGroups": [group]},
        code="InvalidSecurityGroupFormat",
    )
