"""Availability zones (contract, 7.7)."""

from __future__ import annotations

from photon.store.reaping import reap_zone
from tests.api.rig import BASE, Api


async def test_a_zone_is_ready_when_its_task_is_answered(api: Api) -> None:
    task = await api.do("POST", "/v1/zones", {"name": "z"})
    assert task["operation"] == "CREATE_AVAILABILITYZONE"
    id = task["entity"]["id"]
    assert await api.get(f"/v1/zones/{id}") == {
        "id": id,
        "selfLink": f"{BASE}/v1/zones/{id}",
        "kind": "availability-zone",
        "name": "z",
        "tags": [],
        "state": "READY",
    }


async def test_names_of_zones_may_repeat_and_are_found(api: Api) -> None:
    for name in ("z", "z", "other"):
        await api.made("/v1/zones", {"name": name})
    assert len((await api.get("/v1/zones?name=z"))["items"]) == 2
    assert len((await api.get("/v1/zones"))["items"]) == 3


async def test_a_zone_is_always_pending_delete_first(api: Api) -> None:
    id = await api.made("/v1/zones", {"name": "z"})
    assert (await api.do("DELETE", f"/v1/zones/{id}"))["operation"] == "DELETE_AVAILABILITYZONE"
    assert (await api.get(f"/v1/zones/{id}"))["state"] == "PENDING_DELETE"
    await api.refused("DELETE", f"/v1/zones/{id}", code="InvalidAvailabilityZoneState")
    await api.store.commit([reap_zone(id)])
    await api.refused("GET", f"/v1/zones/{id}", code="AvailabilityZoneNotFound", status=404)


async def test_a_zones_tasks(api: Api) -> None:
    id = await api.made("/v1/zones", {"name": "z"})
    await api.do("DELETE", f"/v1/zones/{id}")
    operations = [task["operation"] for task in (await api.get(f"/v1/zones/{id}/tasks"))["items"]]
    assert operations == ["CREATE_AVAILABILITYZONE", "DELETE_AVAILABILITYZONE"]
    await api.refused("GET", "/v1/zones/x/tasks", code="AvailabilityZoneNotFound", status=404)
