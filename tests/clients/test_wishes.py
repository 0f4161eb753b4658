"""What a VM may wish for, and what it costs: affinities and quota (contract, 6.1, 6.3 and 7.4)."""

from __future__ import annotations

import pytest

from tests.clients.cloud import HOSTS, World
from tests.clients.go_client import Json
from tests.clients.go_structs import HOST, QUOTA, VM


@pytest.mark.parametrize(
    "wish",
    [
        {"kind": "host", "id": "sim-00002"},
        {"kind": "datastore", "id": "sim-datastore"},
        {"kind": "datastoreType", "id": "SHARED_VMFS"},
        {"kind": "portGroup", "id": "pg-1"},
    ],
    ids=lambda wish: str(wish["kind"]),
)
def test_a_vm_comes_where_it_wishes_to_be(world: World, wish: Json) -> None:
    shown = world.client.entity(f"/v1/vms/{world.vm(affinities=[wish])}", VM)
    assert (shown["state"], shown["datastore"]) == ("STOPPED", "sim-datastore")
    assert wish["kind"] != "host" or shown["host"] == wish["id"]
    world.client.done("DELETE", f"/v1/vms/{shown['id']}")


def test_a_vm_comes_into_its_zone(world: World) -> None:
    go = world.client
    zone = go.made("/v1/zones", {"name": world.unique("z")})
    wish = [{"kind": "availabilityZone", "id": zone}]
    spec = world.vm_spec(affinities=wish)
    at = f"/v1/projects/{world.project}/vms"
    empty = go.wait(go.task("POST", at, spec))
    assert [error["code"] for error in empty["steps"][0]["errors"]] == ["NoSuchResource"]
    host = go.made(HOSTS, world.host_spec(15, zone=zone))
    go.done("POST", f"{HOSTS}/{host}/provision", status=202)
    vm = go.entity(f"/v1/vms/{world.vm(affinities=wish)}", VM)
    assert vm["host"] == go.entity(f"{HOSTS}/{host}", HOST)["address"]
    for path in (f"/v1/vms/{vm['id']}", f"/v1/vms/{empty['entity']['id']}"):
        go.done("DELETE", path)
    for verb in ("suspend", "enter-maintenance"):
        go.done("POST", f"{HOSTS}/{host}/{verb}", status=200)
    go.done("DELETE", f"{HOSTS}/{host}")


def test_a_vm_is_charged_in_the_units_of_the_limits(world: World) -> None:
    """Its flavor says half a GB; its boot disk is as large as the image in whole GiB: none."""
    go = world.client
    limits = {
        "vm": (2.0, "COUNT"),
        "vm.memory": (1024.0, "MB"),
        "ephemeral-disk": (9.0, "COUNT"),
        "ephemeral-disk.capacity": (10.0, "GB"),
    }
    items = {key: {"limit": limit, "unit": unit} for key, (limit, unit) in limits.items()}
    spec: Json = {"name": world.unique("t"), "quota": {"quotaItems": items}}
    tenant = go.made("/v1/tenants", spec)
    project = go.made(f"/v1/tenants/{tenant}/projects", spec | {"name": "p"})

    def used() -> Json:
        found = go.get(f"/v1/projects/{project}/quota", QUOTA)["quotaItems"]
        assert {key: item["unit"] for key, item in found.items()} == {
            key: unit for key, (_, unit) in limits.items()
        }
        return {key: item["usage"] for key, item in found.items()}

    disks = [
        {"name": "b", "flavor": "boot", "kind": "ephemeral-disk", "bootDisk": True},
        {"name": "d", "flavor": "boot", "kind": "ephemeral", "capacityGb": 3},
    ]
    at = f"/v1/projects/{project}/vms"
    vm = go.made(at, world.vm_spec(attachedDisks=disks))
    assert used() == {
        "vm": 1,
        "vm.memory": 512,
        "ephemeral-disk": 2,
        "ephemeral-disk.capacity": 3,
    }
    go.done("POST", f"/v1/vms/{vm}/start")
    too_much = [disks[0], disks[1] | {"capacityGb": 8}]
    refused = go.refused("POST", at, world.vm_spec(attachedDisks=too_much))
    assert refused[:2] == (400, "QuotaError")
    assert used()["vm"] == 1
    failed = go.wait(go.task("POST", at, world.vm_spec(affinities=[{"kind": "host", "id": "x"}])))
    assert failed["state"] == "ERROR"
    assert used()["vm"] == 2, "a VM in ERROR holds its quota until it is deleted"
    go.done("POST", f"/v1/vms/{vm}/stop")
    for id in (vm, failed["entity"]["id"]):
        go.done("DELETE", f"/v1/vms/{id}")
    assert set(used().values()) == {0}
    go.done("DELETE", f"/v1/projects/{project}")
    go.done("DELETE", f"/v1/tenants/{tenant}")
