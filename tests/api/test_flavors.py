"""Flavors (contract, 6.3 and 7.1)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.builders import VM_FLAVOR, a_disk, a_vm, vm_gone
from tests.api.rig import BASE, Api

DISK_COST = [{"key": "ephemeral-disk", "value": 1.0, "unit": "COUNT"}]


def item(key: str, value: float = 1.0, unit: str = "COUNT") -> dict[str, Any]:
    return {"key": key, "value": value, "unit": unit}


async def test_a_flavor_is_ready_when_its_task_is_answered(api: Api) -> None:
    task = await api.do("POST", "/v1/flavors", VM_FLAVOR)
    assert (task["operation"], task["entity"]["kind"]) == ("CREATE_FLAVOR", "flavor")
    id = task["entity"]["id"]
    assert await api.get(f"/v1/flavors/{id}") == {
        "id": id,
        "selfLink": f"{BASE}/v1/flavors/{id}",
        **VM_FLAVOR,
        "tags": [],
        "state": "READY",
    }
    tasks = await api.get(f"/v1/flavors/{id}/tasks")
    assert [task["id"] for task in tasks["items"]] == [task["id"]]


async def test_name_and_kind_together_are_unique(api: Api) -> None:
    await api.made("/v1/flavors", VM_FLAVOR)
    disk = {"name": "small", "kind": "ephemeral-disk", "cost": DISK_COST}
    await api.made("/v1/flavors", disk)
    await api.refused("POST", "/v1/flavors", VM_FLAVOR, code="NameTaken")
    error = await api.refused("POST", "/v1/flavors", disk, code="NameTaken")
    assert "Ephemeral disk name 'small'" in error["message"]


async def test_flavors_are_found_by_name_and_kind(api: Api) -> None:
    vm = await api.made("/v1/flavors", VM_FLAVOR)
    disk = await api.made(
        "/v1/flavors", {"name": "small", "kind": "persistent-disk", "cost": DISK_COST}
    )
    for query, found in (
        ("", [vm, disk]),
        ("?name=small&kind=vm&", [vm]),
        ("?kind=persistent-disk", [disk]),
        ("?name=small", [vm, disk]),
        ("?kind=nonsense", []),
    ):
        assert [f["id"] for f in (await api.get(f"/v1/flavors{query}"))["items"]] == found


@pytest.mark.parametrize(
    ("kind", "cost"),
    [
        ("vm", [item("vm.cpu")]),
        ("vm", [item("vm.memory", 1, "GB")]),
        ("vm", [item("vm.cpu", 1, "GB"), item("vm.memory", 1, "GB")]),
        ("vm", [item("vm.cpu"), item("vm.memory")]),
        ("vm", [item("vm.cpu"), item("vm.cpu"), item("vm.memory", 1, "GB")]),
        ("vm", [item("vm.cpu", 2**40), item("vm.memory", 1, "GB")]),
        ("vm", [item("vm.cpu"), item("vm.memory", 2**40, "GB")]),
        ("vm", [item("vm.cpu", 1e308), item("vm.memory", 1, "GB")]),
        ("ephemeral-disk", [item("ephemeral-disk.capacity", 1, "GB")]),
        ("persistent-disk", [item("a"), item("persistent-disk.capacity", 1, "GB")]),
        ("persistent-disk", [item("a", 1e308, "GB")]),
    ],
)
async def test_a_cost_that_breaks_a_rule(api: Api, kind: str, cost: list[Any]) -> None:
    body = {"name": "f", "kind": kind, "cost": cost}
    await api.refused("POST", "/v1/flavors", body, code="InvalidFlavorSpecification")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "image"}, "InvalidEntity"),
        ({"kind": "vm\n"}, "InvalidEntity"),
        ({"kind": None}, "InvalidEntity"),
        ({"cost": []}, "InvalidEntity"),
        ({"cost": None}, "InvalidEntity"),
        ({"cost": {}}, "InvalidJson"),
        ({"cost": [item("a", -1)]}, "InvalidEntity"),
        ({"cost": [item("a", 1, "PB")]}, "InvalidJson"),
        ({"cost": [item("")]}, "InvalidEntity"),
        ({"cost": [item("a\u202eb")]}, "InvalidEntity"),
        ({"cost": [{"key": "a", "unit": "COUNT"}]}, "InvalidEntity"),
    ],
)
async def test_a_flavor_that_cannot_be(api: Api, change: dict[str, Any], code: str) -> None:
    await api.refused("POST", "/v1/flavors", {**VM_FLAVOR, **change}, code=code)


async def test_an_unused_flavor_is_gone_at_once(api: Api) -> None:
    id = await api.made("/v1/flavors", VM_FLAVOR)
    assert (await api.do("DELETE", f"/v1/flavors/{id}"))["operation"] == "DELETE_FLAVOR"
    await api.refused("GET", f"/v1/flavors/{id}", code="FlavorNotFound", status=404)
    await api.refused("DELETE", f"/v1/flavors/{id}", code="FlavorNotFound", status=404)
    await api.made("/v1/flavors", VM_FLAVOR)


async def test_a_used_flavor_goes_with_its_last_user(api: Api) -> None:
    id = await api.made("/v1/flavors", VM_FLAVOR)
    first, second = await a_vm(api, flavor_id=id), await a_vm(api, flavor_id=id)
    await api.do("DELETE", f"/v1/flavors/{id}")
    assert (await api.get(f"/v1/flavors/{id}"))["state"] == "PENDING_DELETE"
    error = await api.refused("DELETE", f"/v1/flavors/{id}", code="InvalidFlavorState")
    assert error["data"] == {"id": id, "state": "PENDING_DELETE"}
    await vm_gone(api, first)
    assert (await api.get(f"/v1/flavors/{id}"))["state"] == "PENDING_DELETE"
    await vm_gone(api, second)
    await api.refused("GET", f"/v1/flavors/{id}", code="FlavorNotFound", status=404)


async def test_a_flavor_that_is_not_deleted_survives_its_users(api: Api) -> None:
    id = await api.made("/v1/flavors", VM_FLAVOR)
    await vm_gone(api, await a_vm(api, flavor_id=id))
    assert (await api.get(f"/v1/flavors/{id}"))["state"] == "READY"


async def test_a_persistent_disk_keeps_its_flavor(api: Api) -> None:
    body = {"name": "fast", "kind": "persistent-disk", "cost": DISK_COST}
    id = await api.made("/v1/flavors", body)
    await a_disk(api, "p", flavor_id=id)
    await api.do("DELETE", f"/v1/flavors/{id}")
    assert (await api.get(f"/v1/flavors/{id}"))["state"] == "PENDING_DELETE"


async def test_of_many_deletions_of_a_used_flavor_one_is_done(api_in_file: Api) -> None:
    api = api_in_file
    id = await api.made("/v1/flavors", VM_FLAVOR)
    await a_vm(api, flavor_id=id)
    answers = await asyncio.gather(*(api.ask("DELETE", f"/v1/flavors/{id}") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [400] * 7
