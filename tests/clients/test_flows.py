"""Whole flows as the old CLI does them, every answer read strictly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote

import pytest

from tests.clients.cloud import HOSTS, World, flavor
from tests.clients.go_client import GoClient, Json
from tests.clients.go_json import Struct
from tests.clients.go_structs import (
    AUTH,
    DATASTORE,
    EPHEMERAL_DISK,
    FLAVOR,
    HOST,
    INFO,
    MKS_TICKET,
    NETWORKS_OF_VM,
    PERSISTENT_DISK,
    PROJECT,
    QUOTA,
    STATUS_OF_SYSTEM,
    SUBNET,
    SYSTEM_INFO,
    TASK,
    TENANT,
    USAGE,
    VM,
    ZONE,
    page_of,
)


@pytest.fixture
def go(world: World) -> Iterator[GoClient]:
    """With the SDK's own pace."""
    with closing(GoClient(*world.client.address)) as client:
        yield client


def limits(**values: float) -> Json:
    items = {
        k.replace("_", "."): {"limit": v, "usage": 0, "unit": "COUNT"} for k, v in values.items()
    }
    return {"quotaItems": items}


def quota(go: GoClient, path: str) -> dict[str, tuple[float, float]]:
    items = go.get(f"{path}/quota", QUOTA)["quotaItems"]
    return {key: (item["limit"], item["usage"]) for key, item in items.items()}


def test_target_and_system(go: GoClient) -> None:
    assert go.get("/v1/system/auth", AUTH)["enabled"] is False
    assert go.get("/v1/info", INFO)["networkType"] == "PHYSICAL"
    for path in ("/v1/available", "/v1/system/available"):
        assert go.get(path, Struct()) == {}
    status = go.get("/v1/system/status", STATUS_OF_SYSTEM)
    assert status["status"] == "READY"
    assert [c["component"] for c in status["components"]] == ["PHOTON_CONTROLLER"]
    assert go.get("/v1/system/info", SYSTEM_INFO)["state"] == "READY"
    assert go.get("/v1/system/usage", USAGE)["numberHosts"] >= 3
    assert go.get("/v1/system/vms", page_of(VM))["items"] == []


def test_a_tenant_with_quota_and_its_projects(go: GoClient, world: World) -> None:
    name = world.unique("acme")
    tenant = go.made("/v1/tenants", {"name": name, "quota": limits(vm=10, vm_cpu=20)})
    at = f"/v1/tenants/{tenant}"
    for link in (f"?name={name}", f"?name={name}&", f"?&name={name}&"):
        (found,) = go.items(f"/v1/tenants{link}", TENANT)
        assert found["id"] == tenant
    spec = {
        "name": "dev",
        "quota": limits(vm=4, vm_cpu=8),
        "securityGroups": None,
        "defaultRouterPrivateIpCidr": "",
        "resourceTicket": {"name": "", "limits": None},
    }
    project = go.made(f"{at}/projects", spec)
    assert go.items(f"{at}/projects?name=dev", PROJECT)[0]["id"] == project
    assert quota(go, at) == {"vm": (10, 4), "vm.cpu": (20, 8)}
    go.done("PATCH", f"/v1/projects/{project}/quota", limits(vm=6))
    assert quota(go, at)["vm"] == (10, 6)
    go.done("DELETE", f"/v1/projects/{project}/quota", limits(vm_cpu=0))
    assert quota(go, f"/v1/projects/{project}") == {"vm": (6, 0)}
    go.done("PUT", f"/v1/projects/{project}/quota", limits(vm=1.5))
    assert quota(go, at) == {"vm": (10, 1.5), "vm.cpu": (20, 0)}
    go.done("PUT", f"{at}/quota", limits(vm=3))
    assert go.refused("DELETE", f"{at}/quota", limits(vm=0))[:2] == (400, "QuotaError")
    assert go.entity(at, TENANT)["quota"]["quotaItems"]["vm"]["unit"] == "COUNT"
    for groups in (["dom\\a", "dom\\b"], []):
        go.done("POST", f"{at}/set_security_groups", {"items": groups}, status=200)
        assert [g["name"] for g in go.entity(at, TENANT)["securityGroups"]] == groups
    for state in ("COMPLETED", "completed"):
        done = go.items(f"/v1/projects/{project}/tasks?state={state}&kind=project&", TASK)
        assert {task["entity"]["id"] for task in done} == {project}
    go.done("DELETE", f"/v1/projects/{project}")
    go.done("DELETE", at)


def test_flavors_of_three_kinds(go: GoClient, world: World) -> None:
    name = world.unique("small")
    for kind in ("vm", "ephemeral-disk", "persistent-disk"):
        made = go.made("/v1/flavors", flavor(name, kind))
        (found,) = go.items(f"/v1/flavors?name={name}&kind={kind}", FLAVOR)
        assert found == go.entity(f"/v1/flavors/{made}", FLAVOR)
        assert go.items(f"/v1/flavors/{made}/tasks?", TASK)[0]["operation"] == "CREATE_FLAVOR"
    assert len(go.items(f"/v1/flavors?name={name}", FLAVOR)) == 3
    for found in go.items(f"/v1/flavors?name={name}&", FLAVOR):
        go.done("DELETE", f"/v1/flavors/{found['id']}")


def test_a_vm_from_its_making_to_its_end(go: GoClient, world: World) -> None:
    at = f"/v1/projects/{world.project}"
    name = world.unique("web")
    disks = [
        {"flavor": "boot", "kind": "ephemeral-disk", "name": "d1", "bootDisk": True},
        {
            "flavor": "boot",
            "kind": "ephemeral-disk",
            "name": "d2",
            "capacityGb": 1,
            "bootDisk": False,
        },
    ]
    spec = world.vm_spec(name=name, attachedDisks=disks, environment={"serial0.vspc": "x"})
    vm = go.made(f"{at}/vms", spec | {"subnets": [world.subnet], "tags": ["a", "a", "b"]})
    (shown,) = go.items(f"{at}/vms?name={name}&", VM)
    assert shown == go.entity(f"/v1/vms/{vm}", VM)
    assert (shown["state"], shown["tags"], shown["host"][:4]) == ("STOPPED", ["a", "b"], "sim-")
    assert [(d["name"], d["bootDisk"], d["state"]) for d in shown["attachedDisks"]] == [
        ("d1", True, "ATTACHED"),
        ("d2", False, "ATTACHED"),
    ]
    ephemeral = go.entity(f"/v1/disks/{shown['attachedDisks'][1]['id']}", EPHEMERAL_DISK)
    assert {"key": "ephemeral-disk.capacity", "value": 1, "unit": "GB"} in ephemeral["cost"]
    go.done("POST", f"/v1/vms/{vm}/start")
    networks = go.done("GET", f"/v1/vms/{vm}/subnets", status=200)["resourceProperties"]
    NETWORKS_OF_VM.check(networks, "networks")
    assert networks["networkConnections"][0]["network"] == world.subnet
    ticket = go.done("GET", f"/v1/vms/{vm}/mks_ticket", status=200)["resourceProperties"]
    MKS_TICKET.check(ticket, "ticket")
    disk = go.made(f"{at}/disks", world.disk_spec(affinities=[{"id": vm, "kind": "vm"}]))
    go.done("POST", f"/v1/vms/{vm}/attach_disk", {"diskId": disk, "arguments": None})
    attached = go.entity(f"/v1/disks/{disk}", PERSISTENT_DISK)
    assert (attached["vms"], attached["state"], attached["capacityGb"]) == ([vm], "ATTACHED", 2)
    assert (ephemeral["datastore"], attached["datastore"]) == ("sim-datastore", "sim-datastore")
    assert go.items(f"{at}/disks?name={attached['name']}", PERSISTENT_DISK) == [attached]
    go.done("POST", f"/v1/vms/{vm}/detach_disk", {"diskId": disk})
    go.done("POST", f"/v1/vms/{vm}/stop")
    operations = [
        task["operation"] for task in go.items(f"/v1/vms/{vm}/tasks?state=COMPLETED", TASK)
    ]
    assert set(operations) >= {"CREATE_VM", "START_VM", "ATTACH_DISK", "GET_NETWORKS"}
    (mine,) = [h for h in go.items(HOSTS, HOST) if h["address"] == shown["host"]]
    assert vm in [found["id"] for found in go.items(f"{HOSTS}/{mine['id']}/vms", VM)]
    deleted = go.done("DELETE", f"/v1/vms/{vm}")
    go.done("DELETE", f"/v1/disks/{disk}")
    assert go.get(f"/v1/tasks/{deleted['id']}", TASK)["state"] == "COMPLETED"
    assert go.items(f"{at}/vms?name={name}", VM) == []


def test_infrastructure_is_shown(go: GoClient, world: World) -> None:
    for host in go.items(HOSTS, HOST):
        assert go.entity(f"{HOSTS}/{host['id']}", HOST) == host
        assert go.items(f"{HOSTS}/{host['id']}/tasks", TASK)
    stores = go.items("/v1/infrastructure/datastores", DATASTORE)
    for store in stores:
        assert go.entity(f"/v1/infrastructure/datastores/{store['id']}", DATASTORE) == store
    tag = quote(stores[0]["tags"][0])
    assert stores[0] in go.items(f"/v1/infrastructure/datastores?tag={tag}&", DATASTORE)
    assert go.items("/v1/infrastructure/datastores?tag=NONE", DATASTORE) == []
    name = world.unique("z")
    zone = go.made("/v1/zones", {"name": name})
    assert go.items(f"/v1/zones?name={name}", ZONE) == [go.entity(f"/v1/zones/{zone}", ZONE)]
    assert go.items(f"/v1/zones/{zone}/tasks", TASK)


def test_subnets_are_shown(go: GoClient, world: World) -> None:
    shown = go.entity(f"/v1/subnets/{world.subnet}", SUBNET)
    assert (shown["isDefault"], shown["portGroups"]) == (True, {"names": ["VM Network"]})
    assert shown in go.items(f"/v1/subnets?name={shown['name']}&", SUBNET)


def test_tasks_by_every_filter(go: GoClient, world: World) -> None:
    tenant = go.made("/v1/tenants", {"name": world.unique("t")})
    of_tenant = f"entityId={tenant}&entityKind=tenant"
    for query in (
        of_tenant,
        f"{of_tenant}&",
        f"{of_tenant}&state=COMPLETED",
        "&".join(reversed(of_tenant.split("&"))),
        f"entityId={tenant}&entityKind=TENANT",
    ):
        assert [t["operation"] for t in go.items(f"/v1/tasks?{query}", TASK)] == ["CREATE_TENANT"]
    go.done("DELETE", f"/v1/tenants/{tenant}")
    assert len(go.items(f"/v1/tasks?{of_tenant}", TASK)) == 2  # readable when it is gone
    assert go.items(f"/v1/tasks?{of_tenant}&state=ERROR", TASK) == []
    assert go.items("/v1/tasks?state=queued", TASK) == []
    for half in ("entityId=x", "entityKind=vm"):
        assert go.refused("GET", f"/v1/tasks?{half}")[:2] == (400, "InvalidQueryParams")


def test_a_projects_tasks_are_those_of_all_that_is_in_it(go: GoClient, world: World) -> None:
    project = go.made(f"/v1/tenants/{world.tenant}/projects", {"name": world.unique("p")})
    at = f"/v1/projects/{project}"
    vm = go.made(f"{at}/vms", world.vm_spec())
    disk = go.made(f"{at}/disks", world.disk_spec(affinities=[{"id": vm, "kind": "vm"}]))
    for kind, id in (("vm", vm), ("persistent-disk", disk), ("project", project)):
        of_kind = go.items(f"{at}/tasks?kind={kind}", TASK)
        assert {task["entity"]["id"] for task in of_kind} == {id}
    assert go.items(f"{at}/tasks?kind=image", TASK) == []
    assert len(go.items(f"{at}/tasks?state=COMPLETED&", TASK)) == 3
    assert len(go.items(f"/v1/disks/{disk}/tasks", TASK)) == 1
    for path in (f"/v1/disks/{disk}", f"/v1/vms/{vm}", at):
        go.done("DELETE", path)


def test_lists_come_in_pages_that_are_followed_both_ways(go: GoClient, world: World) -> None:
    tenant = go.made("/v1/tenants", {"name": world.unique("pages")})
    at = f"/v1/tenants/{tenant}/projects"
    made = [go.made(at, {"name": f"p{number}"}) for number in range(5)]
    first = go.get(f"{at}?pageSize=2", page_of(PROJECT))
    assert first["previousPageLink"] is None
    second = go.get(first["nextPageLink"], page_of(PROJECT))
    third = go.get(second["nextPageLink"], page_of(PROJECT))
    assert third["nextPageLink"] is None
    pages = (first, second, third)
    assert sorted(i["id"] for page in pages for i in page["items"]) == sorted(made)
    assert go.get(third["previousPageLink"], page_of(PROJECT))["items"] == second["items"]
    assert first["nextPageLink"].startswith(f"{at}?pageLink=")
    ignored = go.get(first["nextPageLink"] + "&name=nobody&pageSize=0", page_of(PROJECT))
    assert ignored["items"] == second["items"]
    for size in ("0", "101", "-1", "x", "1.0"):
        status, code, data = go.refused("GET", f"{at}?pageSize={size}")
        assert (status, code) == (400, "InvalidPageSize")
        assert data == {"pageSize": size, "minPageSize": "1", "maxPageSize": "100"}
    status, code, data = go.refused("GET", f"{at}?pageLink=none")
    assert (status, code, data) == (404, "PageExpired", {"pageLink": "none"})
    for project in made:
        go.done("DELETE", f"/v1/projects/{project}")
    go.done("DELETE", f"/v1/tenants/{tenant}")


def test_a_paused_system_answers_and_changes_nothing(go: GoClient, world: World) -> None:
    vm = world.vm()
    paused = go.task("POST", "/v1/system/pause")
    assert (paused["state"], paused["operation"]) == ("COMPLETED", "PAUSE_SYSTEM")
    try:
        assert go.get("/v1/system/info", SYSTEM_INFO)["state"] == "PAUSED"
        for method, path in (
            ("POST", "/v1/tenants"),
            ("DELETE", f"/v1/vms/{vm}"),
            ("GET", f"/v1/vms/{vm}/subnets"),
            ("POST", f"/v1/vms/{vm}/start"),
        ):
            assert go.refused(method, path)[:2] == (403, "SystemPaused")
        assert go.entity(f"/v1/vms/{vm}", VM)["state"] == "STOPPED"
        go.task("POST", "/v1/system/pause-background-tasks")
        assert go.get("/v1/system/info", SYSTEM_INFO)["state"] == "BACKGROUND_PAUSED"
        go.done("POST", f"/v1/vms/{vm}/start")
    finally:
        assert go.task("POST", "/v1/system/resume")["operation"] == "RESUME_SYSTEM"
    go.done("POST", f"/v1/vms/{vm}/stop")
    go.done("DELETE", f"/v1/vms/{vm}")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/services",
        "/v1/routers/x",
        "/v1/vms",
        "/tenants",
        "/v2/tenants",
        "/v1/vms/x/attach_iso",
        "/v1/tenants/x/iam",
        "/v1/tenantsx",
        "/v1//tenants",
    ],
)
def test_a_route_that_is_none(go: GoClient, path: str) -> None:
    for method in ("GET", "POST"):
        assert go.refused(method, path)[:2] == (404, "NotFound")
