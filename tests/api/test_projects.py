"""Projects (contract, 1.3, 2.5 and 3.8)."""

from __future__ import annotations

from tests.api.builders import a_disk, a_project, a_tenant, a_vm, an_image, an_open_task, limits
from tests.api.rig import BASE, Api


async def test_a_project_is_there_when_its_task_is_answered(api: Api) -> None:
    tenant = await a_tenant(api, vm_cpu=10)
    path = f"/v1/tenants/{tenant}/projects"
    task = await api.do("POST", path, {"name": "dev", "quota": limits(vm_cpu=4)})
    assert task["operation"] == "CREATE_PROJECT"
    id = task["entity"]["id"]
    assert await api.get(f"/v1/projects/{id}") == {
        "id": id,
        "selfLink": f"{BASE}/v1/projects/{id}",
        "kind": "project",
        "name": "dev",
        "tags": [],
        "securityGroups": [],
        "quota": {"quotaItems": {"vm.cpu": {"limit": 4.0, "usage": 0.0, "unit": "COUNT"}}},
        "tenantId": tenant,
        "placement": {"strategy": "SPREAD"},
    }
    assert [project["id"] for project in (await api.get(path))["items"]] == [id]
    assert (await api.get(f"{path}?name=other"))["items"] == []


async def test_a_projects_name_is_the_only_one_in_its_tenant(api: Api) -> None:
    acme, other = await a_tenant(api, "acme"), await a_tenant(api, "other")
    await a_project(api, acme)
    path = f"/v1/tenants/{acme}/projects"
    await api.refused("POST", path, {"name": "dev"}, code="NameTaken")
    await a_project(api, other)


async def test_no_project_without_its_tenant(api: Api) -> None:
    for method, body in (("POST", {"name": "p"}), ("GET", None)):
        await api.refused(method, "/v1/tenants/x/projects", body, code="NotFound", status=404)


async def test_a_project_with_something_in_it_says_what(api: Api) -> None:
    project = await a_project(api, await a_tenant(api))
    await a_vm(api, project)
    await a_vm(api, project)
    await a_disk(api, project)
    await an_image(api, project)
    error = await api.refused("DELETE", f"/v1/projects/{project}", code="ContainerNotEmpty")
    assert error["data"]["message"] == "2 VMs, 1 persistent disk, 1 image"
    assert error["data"]["kind"] == "project"


async def test_a_deleted_project_gives_its_limits_back(api: Api) -> None:
    tenant = await a_tenant(api, vm_cpu=10)
    project = await a_project(api, tenant, vm_cpu=10)
    assert (await api.do("DELETE", f"/v1/projects/{project}"))["operation"] == "DELETE_PROJECT"
    await api.refused("GET", f"/v1/projects/{project}", code="NotFound", status=404)
    assert await api.store.quota(project) == []
    await a_project(api, tenant, vm_cpu=10)


async def test_a_projects_tasks_are_those_of_everything_in_it(api: Api) -> None:
    project = await a_project(api, await a_tenant(api))
    await an_open_task(api, "vm1", project)
    await an_open_task(api, "vm2", "another project")
    path = f"/v1/projects/{project}/tasks"
    operations = [task["operation"] for task in (await api.get(path))["items"]]
    assert operations == ["CREATE_PROJECT", "START_VM"]
    for query, found in (
        ("state=queued", ["START_VM"]),
        ("kind=VM", ["START_VM"]),
        ("kind=project&state=COMPLETED", ["CREATE_PROJECT"]),
        ("kind=project&state=QUEUED", []),
        ("state=nonsense", []),
    ):
        tasks = (await api.get(f"{path}?{query}"))["items"]
        assert [task["operation"] for task in tasks] == found, query
    await api.refused("GET", "/v1/projects/x/tasks", code="NotFound", status=404)


async def test_groups_that_are_inherited_are_left_out_with_a_warning(api: Api) -> None:
    body = {"name": "acme", "securityGroups": ["corp\\admins"]}
    tenant = await api.made("/v1/tenants", body)
    project = await a_project(api, tenant)
    task = await api.do(
        "POST",
        f"/v1/projects/{project}/set_security_groups",
        {"items": ["corp\\admins", "corp\\dev", "corp\\dev"]},
        status=200,
    )
    warning = task["steps"][0]["warnings"][0]
    assert warning["code"] == "SecurityGroupsAlreadyInherited"
    assert warning["data"] == {"securityGroupsNotSet": "corp\\admins"}
    assert (await api.get(f"/v1/projects/{project}"))["securityGroups"] == [
        {"name": "corp\\admins", "inherited": True},
        {"name": "corp\\dev", "inherited": False},
    ]
