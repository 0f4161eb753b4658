"""What a VM's owner may ask of its placement, and what would become of it if it were asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from photon.domain.membership import Membership
from photon.domain.task import Task
from photon.store.nouns import IMAGES, MEMBERSHIPS
from photon.store.protocol import Insert
from tests.api.cloud_rig import DISK_FLAVOR, SUBNET, VM_FLAVOR, CloudApi, error_codes
from tests.api.rig import Json, dump
from tests.api.test_placements import IMAGE

APART: Json = {"affinity": "APART", "group": "web"}
BOOT: Json = {"name": "boot", "flavor": "plain", "kind": "ephemeral-disk", "bootDisk": True}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path)
    await made.open()
    await made.store.commit([Insert(IMAGES, IMAGE)])
    for flavor in (VM_FLAVOR, DISK_FLAVOR):
        await made.made("/v1/flavors", flavor)
    await made.ready_host(1)
    subnet = await made.made("/v1/subnets", SUBNET)
    await made.do("POST", f"/v1/subnets/{subnet}/set_default")
    yield made
    await made.close()


def a_spec(**more: Any) -> Json:
    spec = {"name": "vm", "flavor": "small", "sourceImageId": IMAGE.id, "attachedDisks": [BOOT]}
    return spec | more


def grouped(*rules: Json, groups: tuple[str, ...] = ("web",), **more: Any) -> Json:
    return a_spec(placement={"groups": list(groups), "rules": list(rules)} | more)


async def a_vm(api: CloudApi, project: str, spec: Json) -> Json:
    task = await api.run("POST", f"/v1/projects/{project}/vms", spec)
    assert task.state == "COMPLETED", task
    return await api.get(f"/v1/vms/{task.entity_id}")


async def a_failure(api: CloudApi, project: str, spec: Json) -> Task:
    task = await api.run("POST", f"/v1/projects/{project}/vms", spec)
    assert task.state == "ERROR"
    return task


# --- groups --------------------------------------------------------------------------------------


async def test_vms_that_lie_apart_fill_the_hosts_once_and_one_more_is_refused(
    api: CloudApi,
) -> None:
    await api.ready_host(2)
    project = await api.a_project()
    vms = [await a_vm(api, project, grouped(APART)) for _ in range(2)]
    assert {vm["host"] for vm in vms} == {"sim-00001", "sim-00002"}
    shown = {"affinity": "APART", "group": "web", "tag": None, "hard": True}
    limits = {"hostMax": None, "zoneMax": None}
    assert vms[0]["placement"] == {
        "strategy": None,
        "groups": ["web"],
        "rules": [shown | limits],
    }
    failed = await a_failure(api, project, grouped(APART))
    assert error_codes(failed) == ["UnfullfillableAffinities"]
    await a_vm(api, project, grouped(APART | {"hostMax": 2}))
    await a_vm(api, project, grouped(APART | {"hard": False}))


async def test_a_group_of_one_project_is_nothing_to_another(api: CloudApi) -> None:
    for name in ("one", "two"):
        await a_vm(api, await api.a_project(name), grouped(APART))


async def test_vms_that_lie_together_follow_the_first(api: CloudApi) -> None:
    for number in (2, 3):
        await api.ready_host(number)
    project = await api.a_project()
    first = await a_vm(api, project, grouped(groups=("db",)))
    rule = {"affinity": "TOGETHER", "group": "db"}
    for _ in range(2):
        assert (await a_vm(api, project, grouped(rule)))["host"] == first["host"]


async def test_a_tag_is_a_group_and_one_that_is_deleted_is_in_none(api: CloudApi) -> None:
    project = await api.a_project()
    rule = {"affinity": "APART", "tag": "blue"}
    tagged = await a_vm(api, project, a_spec(tags=["blue"]))
    assert error_codes(await a_failure(api, project, grouped(rule))) == ["UnfullfillableAffinities"]
    row = await api.store.find(MEMBERSHIPS, tagged["id"])
    assert row is not None
    assert row.keys == (f"{project}/tag/blue",)
    task = await api.run("DELETE", f"/v1/vms/{tagged['id']}")
    assert task.state == "COMPLETED"
    await a_vm(api, project, grouped(rule))


async def test_a_vm_without_groups_has_no_row_of_them(api: CloudApi) -> None:
    project = await api.a_project()
    vm = await a_vm(api, project, a_spec())
    assert vm["placement"] is None
    assert (await api.store.page(MEMBERSHIPS, {}, limit=9)).items == []
    await api.do("POST", f"/v1/vms/{vm['id']}/tags", {"value": "late"})
    (row,) = (await api.store.page(MEMBERSHIPS, {}, limit=9)).items
    host_id = (await api.items("/v1/infrastructure/hosts"))[0]["id"]
    assert row == Membership(vm["id"], (f"{project}/tag/late",), host_id, generation=1)


@pytest.mark.parametrize(
    "placement",
    [
        {"rules": [{"affinity": "APART"}]},
        {"rules": [APART | {"tag": "blue"}]},
        {"rules": [{"affinity": "TOGETHER", "group": "web", "hostMax": 2}]},
        {"rules": [APART | {"hostMax": 0}]},
        {"rules": [APART] * 17},
        {"groups": ["no good name!"]},
        {"groups": [f"g{number}" for number in range(17)]},
        {"strategy": "SCATTER"},
    ],
)
async def test_what_cannot_be_asked_of_a_placement_is_refused(
    api: CloudApi, placement: Json
) -> None:
    project = await api.a_project()
    answer = await api.ask("POST", f"/v1/projects/{project}/vms", a_spec(placement=placement))
    assert answer.status_code == 400
    assert answer.json()["code"] in ("InvalidEntity", "InvalidJson")


# --- strategy and wishes -------------------------------------------------------------------------


async def test_a_project_s_strategy_is_that_of_vms_that_name_none(api: CloudApi) -> None:
    for number in (2, 3):
        await api.ready_host(number)
    # Large, so that room weighs more than where the image is already.
    cost = [VM_FLAVOR["cost"][0], {"key": "vm.memory", "value": 16, "unit": "GB"}]
    await api.made("/v1/flavors", VM_FLAVOR | {"name": "large", "cost": cost})
    large = {"flavor": "large"}
    tenant = await api.made("/v1/tenants", {"name": "t"})
    spec = {"name": "p", "placement": {"strategy": "PACK"}}
    project = await api.made(f"/v1/tenants/{tenant}/projects", spec)
    packed = {(await a_vm(api, project, a_spec(**large)))["host"] for _ in range(3)}
    assert len(packed) == 1
    spread = await a_vm(api, project, a_spec(**large, placement={"strategy": "SPREAD"}))
    assert spread["host"] not in packed
    task = await api.do(
        "POST", f"/v1/projects/{project}/set_placement", {"strategy": "SPREAD"}, status=200
    )
    assert task["operation"] == "SET_PROJECT_PLACEMENT"
    shown = await api.get(f"/v1/projects/{project}")
    assert shown["placement"] == {"strategy": "SPREAD"}
    assert (await a_vm(api, project, a_spec(**large)))["host"] not in packed


async def test_a_soft_affinity_is_kept_while_it_can_be(api: CloudApi) -> None:
    await api.ready_host(2)
    project = await api.a_project()
    wish = {"kind": "host", "id": "sim-00002", "soft": True}
    for _ in range(3):
        assert (await a_vm(api, project, a_spec(affinities=[wish])))["host"] == "sim-00002"
    nowhere = wish | {"id": "sim-00099"}
    both = a_spec(affinities=[nowhere, {"kind": "portGroup", "id": "VM Network"}])
    await a_vm(api, project, both)
    disk = {"kind": "disk", "id": "x", "soft": True}
    path = f"/v1/projects/{project}/vms"
    await api.refused("POST", path, a_spec(affinities=[disk]), code="InvalidEntity")


# --- dry run -------------------------------------------------------------------------------------


async def dry(api: CloudApi, project: str, spec: Json) -> Json:
    before = await dump(api.store)
    answer = await api.ask("POST", f"/v1/projects/{project}/vms?dry_run=true", spec)
    assert answer.status_code == 200, answer.text
    assert await dump(api.store) == before
    return dict(answer.json())


async def test_a_dry_run_says_where_a_vm_would_go_and_what_it_would_cost(api: CloudApi) -> None:
    project = await api.a_project()
    said = await dry(api, project, a_spec())
    assert (said["fits"], said["host"], said["error"]) == (True, "sim-00001", None)
    assert {"key": "vm.cpu", "value": 1.0, "unit": "COUNT"} in said["cost"]
    assert said["levels"][-1]["seen"] == 1
    assert (await a_vm(api, project, a_spec()))["host"] == said["host"]


async def test_a_dry_run_without_room_says_what_the_task_would(api: CloudApi) -> None:
    project = await api.a_project()
    cost = [
        {"key": "vm.cpu", "value": 2, "unit": "COUNT"},
        {"key": "vm.memory", "value": 4096, "unit": "GB"},
    ]
    await api.made("/v1/flavors", {"name": "huge", "kind": "vm", "cost": cost})
    said = await dry(api, project, a_spec(flavor="huge"))
    assert said["fits"] is False
    failed = await a_failure(api, project, a_spec(flavor="huge"))
    assert said["error"]["code"] == error_codes(failed)[0] == "NotEnoughMemoryResource"
    assert said["error"]["message"] == failed.steps[0].errors[0].message
    nearest = said["refusal"]["nearest"]
    assert nearest["host"] == "sim-00001"
    assert [lack["reason"] for lack in nearest["lacks"]] == ["TOO_LITTLE_MEMORY"]


async def test_a_dry_run_is_refused_as_the_vm_would_be(api: CloudApi) -> None:
    tenant = await api.made("/v1/tenants", {"name": "t", "quota": quota(vm=1)})
    spec = {"name": "p", "quota": quota(vm=1)}
    project = await api.made(f"/v1/tenants/{tenant}/projects", spec)
    path = f"/v1/projects/{project}/vms?dry_run=true"
    await api.refused("POST", path, a_spec(flavor="none"), code="InvalidFlavor")
    cost = [
        {"key": "vm", "value": 2, "unit": "COUNT"},
        {"key": "vm.cpu", "value": 1, "unit": "COUNT"},
        {"key": "vm.memory", "value": 1, "unit": "GB"},
    ]
    await api.made("/v1/flavors", {"name": "double", "kind": "vm", "cost": cost})
    dry_error = await api.refused("POST", path, a_spec(flavor="double"), code="QuotaError")
    real = path.partition("?")[0]
    assert await api.refused("POST", real, a_spec(flavor="double"), code="QuotaError") == dry_error


async def test_a_dry_run_knows_rules(api: CloudApi) -> None:
    project = await api.a_project()
    await a_vm(api, project, grouped(APART))
    said = await dry(api, project, grouped(APART))
    assert [each["reason"] for each in said["refusal"]["reasons"]] == ["GROUP_TOO_NEAR"]


def quota(**counts: float) -> Json:
    items = {key: {"limit": limit, "unit": "COUNT"} for key, limit in counts.items()}
    return {"quotaItems": items}


# --- capacity ------------------------------------------------------------------------------------


async def capacity(api: CloudApi, project: str, **spec: Any) -> Json:
    asked = {"flavor": "small", "attachedDisks": [BOOT]} | spec
    before = await dump(api.store)
    answer = await api.ask("POST", f"/v1/projects/{project}/capacity", asked)
    assert answer.status_code == 200, answer.text
    assert await dump(api.store) == before
    return dict(answer.json())


async def test_capacity_counts_what_then_fits_and_names_what_runs_out(api: CloudApi) -> None:
    project = await api.a_project()
    cost = [VM_FLAVOR["cost"][0], {"key": "vm.memory", "value": 100, "unit": "GB"}]
    await api.made("/v1/flavors", VM_FLAVOR | {"name": "large", "cost": cost})
    said = await capacity(api, project, flavor="large", count=3)
    assert (said["count"], said["fits"], said["withinQuota"]) == (2, False, None)
    first = said["runsOutFirst"]
    assert (first["what"], first["needed"], first["left"]) == (
        "TOO_LITTLE_MEMORY",
        100 << 10,
        56 << 10,
    )
    for _ in range(2):
        await a_vm(api, project, a_spec(flavor="large"))
    await a_failure(api, project, a_spec(flavor="large"))
    assert (await capacity(api, project, flavor="large"))["count"] == 0


async def test_capacity_within_a_quota_is_what_the_quota_has_room_for(api: CloudApi) -> None:
    limits = {"quota": quota(**{"vm.cpu": 2})}
    tenant = await api.made("/v1/tenants", {"name": "t"} | limits)
    project = await api.made(f"/v1/tenants/{tenant}/projects", {"name": "p"} | limits)
    said = await capacity(api, project, count=2)
    assert (said["count"], said["withinQuota"], said["fits"]) == (2, 2, True)
    assert said["onHosts"] > 100
    assert (said["runsOutFirst"]["what"], said["runsOutFirst"]["key"]) == ("QUOTA", "vm.cpu")


async def test_capacity_is_told_for_each_zone(api: CloudApi) -> None:
    zone = await api.made("/v1/zones", {"name": "rack-1"})
    await api.made("/v1/zones", {"name": "rack-2"})
    await api.ready_host(2, availabilityZone=zone)
    project = await api.a_project()
    said = await capacity(api, project)
    by_name = {each["name"]: each for each in said["zones"]}
    assert by_name["rack-1"]["count"] * 2 == said["count"]
    assert (by_name["rack-2"]["count"], by_name["rack-2"]["what"]) == (0, "OTHER_ZONE")
    pinned = {"kind": "availabilityZone", "id": zone}
    in_zone = await capacity(api, project, affinities=[pinned])
    assert (in_zone["count"], in_zone["zones"]) == (by_name["rack-1"]["count"], [])


async def test_capacity_of_what_is_not_there_is_refused(api: CloudApi) -> None:
    project = await api.a_project()
    path = f"/v1/projects/{project}/capacity"
    await api.refused("POST", path, {"flavor": "none"}, code="InvalidFlavor")
    image = {"flavor": "small", "sourceImageId": "none"}
    await api.refused("POST", path, image, code="ImageNotFound", status=404)
    await api.refused(
        "POST", "/v1/projects/none/capacity", {"flavor": "small"}, code="NotFound", status=404
    )
