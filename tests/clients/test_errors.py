"""Every error that a client can be answered with: code, status and data (contract, 5.1)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.clients.cloud import HOSTS, World, cost, flavor
from tests.clients.go_client import Json
from tests.clients.go_json import Anything

ANY = Anything()
NOBODY = "00000000-0000-4000-8000-000000000000"
NOT_FOUND = (
    ("tenants", "NotFound"),
    ("projects", "NotFound"),
    ("tasks", "NotFound"),
    ("vms", "VmNotFound"),
    ("disks", "DiskNotFound"),
    ("images", "ImageNotFound"),
    ("flavors", "FlavorNotFound"),
    ("subnets", "NetworkNotFound"),
    ("zones", "AvailabilityZoneNotFound"),
    ("infrastructure/hosts", "HostNotFound"),
    ("infrastructure/datastores", "DatastoreNotFound"),
)


@pytest.mark.parametrize(("noun", "code"), NOT_FOUND)
def test_what_is_not_there(world: World, noun: str, code: str) -> None:
    status, said, data = world.client.refused("GET", f"/v1/{noun}/{NOBODY}")
    assert (status, said, data["id"]) == (404, code, NOBODY)
    if noun == "disks":
        assert data["kind"] == "persistent-disk"


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"sourceImageId": NOBODY}, "ImageNotFound", 404),
        ({"sourceImageId": None}, "InvalidEntity", 400),
        ({"sourceImageId": ""}, "InvalidEntity", 400),
        ({"flavor": "nobody"}, "InvalidFlavor", 400),
        ({"flavor": "boot"}, "InvalidFlavor", 400),
        ({"subnets": [NOBODY]}, "NetworkNotFound", 404),
        ({"attachedDisks": None}, "InvalidEntity", 400),
        ({"attachedDisks": []}, "InvalidEntity", 400),
        ({"name": "1st"}, "InvalidEntity", 400),
        ({"name": None}, "InvalidEntity", 400),
        ({"name": 7}, "InvalidJson", 400),
        ({"environment": {"a": 1}}, "InvalidJson", 400),
        (
            {"affinities": [{"id": NOBODY, "kind": "availabilityZone"}]},
            "AvailabilityZoneNotFound",
            404,
        ),
        ({"affinities": [{"id": NOBODY, "kind": "disk"}]}, "DiskNotFound", 404),
        ({"affinities": [{"id": NOBODY, "kind": "vm"}]}, "InvalidEntity", 400),
        ({"affinities": [{"id": "x", "kind": "moon"}]}, "InvalidEntity", 400),
    ],
)
def test_a_vm_that_cannot_be_asked_for(world: World, changes: Json, code: str, status: int) -> None:
    path = f"/v1/projects/{world.project}/vms"
    before = len(world.client.items(path, ANY))
    spec = world.vm_spec(**changes)
    said = world.client.refused("POST", f"/v1/projects/{world.project}/vms", spec)
    assert said[:2] == (status, code)
    assert before == len(world.client.items(path, ANY))


def disks(*wanted: Json) -> Json:
    return {
        "attachedDisks": [
            {"name": f"d{n}", "flavor": "boot", "kind": "ephemeral-disk"} | disk
            for n, disk in enumerate(wanted)
        ]
    }


@pytest.mark.parametrize(
    "changes",
    [
        disks({"bootDisk": False, "capacityGb": 1}),
        disks({"bootDisk": True}, {"bootDisk": True}),
        disks({"bootDisk": True}, {"kind": "persistent-disk", "capacityGb": 1}),
        disks({"bootDisk": True}, {"capacityGb": 0}),
        disks({"bootDisk": True}, {}),
        disks({"bootDisk": True, "kind": "floppy"}),
    ],
    ids=["no-boot", "two-boot", "persistent", "no-size", "null-size", "no-kind"],
)
def test_disks_that_a_vm_cannot_have(world: World, changes: Json) -> None:
    path = f"/v1/projects/{world.project}/vms"
    said = world.client.refused("POST", path, world.vm_spec(**changes))
    assert said[:2] == (400, "InvalidEntity")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"flavor": "huge"}, "NotEnoughMemoryResource"),
        ({"flavor": "wide"}, "NotEnoughCpuResource"),
        (disks({"bootDisk": True}, {"capacityGb": 1 << 20}), "NotEnoughDatastoreCapacity"),
        (disks({"bootDisk": True, "flavor": "picky"}), "UnfullfillableAffinities"),
        ({"affinities": [{"id": "nowhere", "kind": "host"}]}, "NoSuchResource"),
    ],
)
def test_a_vm_that_fits_nowhere(world: World, changes: Json, code: str) -> None:
    go, at = world.client, f"/v1/projects/{world.project}/vms"
    for name, kind, costs in (
        ("wide", "vm", cost(("vm.cpu", 100_000, "COUNT"), ("vm.memory", 1, "MB"))),
        ("picky", "ephemeral-disk", cost(("storage.moon", 1, "COUNT"))),
    ):
        if not go.get(f"/v1/flavors?name={name}", ANY)["items"]:
            go.made("/v1/flavors", {"name": name, "kind": kind, "cost": costs})
    task = go.wait(go.task("POST", at, world.vm_spec(**changes)))
    (error,) = task["steps"][0]["errors"]
    assert error["code"] == code
    assert [step["state"] for step in task["steps"]] == ["ERROR", "QUEUED"]
    vm = f"/v1/vms/{task['entity']['id']}"
    shown = go.get(vm, ANY)
    assert {shown["state"], *(disk["state"] for disk in shown["attachedDisks"])} == {"ERROR"}
    go.done("DELETE", vm)


def test_names_that_are_taken(world: World) -> None:
    go = world.client
    projects = f"/v1/tenants/{world.tenant}/projects"
    for path, body, label in (
        ("/v1/tenants", {"name": "world"}, "Tenant"),
        (projects, {"name": "world"}, "Project"),
        ("/v1/flavors", flavor("data", "persistent-disk"), "Persistent Disk"),
    ):
        status, code, data = go.refused("POST", path, body)
        assert (status, code, data["name"]) == (400, "NameTaken", body["name"])
        answer = go.ask("POST", path, body).read(ANY)["message"]
        assert answer.lower().startswith(f"{label} name '{body['name']}'".lower())
    assert go.refused("POST", HOSTS, world.host_spec(1))[1:] == (
        "DuplicateHost",
        {"ip": "sim-00001"},
    )


def test_containers_that_are_not_empty(world: World) -> None:
    vm = world.vm()
    for noun, id in (("tenant", world.tenant), ("project", world.project)):
        status, code, data = world.client.refused("DELETE", f"/v1/{noun}s/{id}")
        assert (status, code) == (400, "ContainerNotEmpty")
        assert (data["kind"], data["id"], set(data)) == (noun, id, {"kind", "id", "message"})
    world.client.done("DELETE", f"/v1/vms/{vm}")


@pytest.mark.parametrize(
    ("kind", "items"),
    [
        ("vm", (("vm.cpu", 1, "COUNT"),)),
        ("vm", (("vm.memory", 1, "GB"),)),
        ("vm", (("vm.cpu", 1, "GB"), ("vm.memory", 1, "GB"))),
        ("vm", (("vm.cpu", 1, "COUNT"), ("vm.memory", 1, "COUNT"))),
        ("persistent-disk", (("persistent-disk.capacity", 1, "GB"),)),
        ("ephemeral-disk", (("ephemeral-disk.capacity", 1, "GB"),)),
    ],
)
def test_flavors_that_cannot_be(world: World, kind: str, items: tuple[Any, ...]) -> None:
    spec = {"name": world.unique("f"), "kind": kind, "cost": cost(*items)}
    said = world.client.refused("POST", "/v1/flavors", spec)
    assert said[:2] == (400, "InvalidFlavorSpecification")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"kind": "service"}, "InvalidEntity"),
        ({"kind": None}, "InvalidEntity"),
        ({"cost": []}, "InvalidEntity"),
        ({"cost": None}, "InvalidEntity"),
        ({"cost": cost(("a", -1, "COUNT"))}, "InvalidEntity"),
        ({"cost": cost(("a", 1, "TB"))}, "InvalidJson"),
        ({"cost": [{"key": "a", "value": "1", "unit": "COUNT"}]}, "InvalidJson"),
    ],
)
def test_flavors_that_are_none(world: World, changes: Json, code: str) -> None:
    spec = flavor(world.unique("f"), "persistent-disk") | changes
    assert world.client.refused("POST", "/v1/flavors", spec)[:2] == (400, code)


def test_more_than_the_quota(world: World) -> None:
    go = world.client
    limit: Json = {"quotaItems": {"vm": {"limit": 1.0, "usage": 0.0, "unit": "COUNT"}}}
    tenant = go.made("/v1/tenants", {"name": world.unique("t"), "quota": limit})
    project = go.made(f"/v1/tenants/{tenant}/projects", {"name": "p", "quota": limit})
    at = f"/v1/projects/{project}/vms"
    vm = go.made(at, world.vm_spec())
    for path, body in (
        (at, world.vm_spec()),
        (f"/v1/tenants/{tenant}/projects", {"name": "q"} | {"quota": limit}),
    ):
        status, code, data = go.refused("POST", path, body)
        assert (status, code) == (400, "QuotaError")
        assert data == {
            "limit": "vm, 1, COUNT",
            "usage": "vm, 1, COUNT",
            "newUsage": "vm, 2, COUNT",
        }
    assert len(go.get(at, ANY)["items"]) == 1
    lower: Json = {"quotaItems": {"vm": {"limit": 0.5, "unit": "COUNT"}}}
    for verb in ("PUT", "PATCH"):
        assert go.refused(verb, f"/v1/projects/{project}/quota", lower)[:2] == (400, "QuotaError")
    other: Json = {"quotaItems": {"disks": {"limit": 1, "unit": "COUNT"}}}
    assert go.refused("PATCH", f"/v1/projects/{project}/quota", other)[:2] == (400, "QuotaError")
    go.done("DELETE", f"/v1/vms/{vm}")
    go.done("DELETE", f"/v1/projects/{project}")
    go.done("DELETE", f"/v1/tenants/{tenant}")


def test_a_quota_error_says_every_digit(world: World) -> None:
    go = world.client

    def limit(value: float) -> Json:
        return {"quotaItems": {"vm.memory": {"limit": value, "unit": "MB"}}}

    spec = {"name": world.unique("t"), "quota": limit(12345678.5)}
    tenant = go.made("/v1/tenants", spec)
    spec = {"name": "p", "quota": limit(12345679)}
    data = go.refused("POST", f"/v1/tenants/{tenant}/projects", spec)[2]
    assert data["limit"] == "vm.memory, 12345678.5, MB"
    assert data["newUsage"] == "vm.memory, 12345679, MB"
    go.done("DELETE", f"/v1/tenants/{tenant}")


def test_hosts_and_their_zones(world: World) -> None:
    go, vm = world.client, world.vm()
    host = f"{HOSTS}/{world.hosts[1]}"
    for changes, code in (
        ({"usageTags": []}, "InvalidEntity"),
        ({"usageTags": None}, "InvalidEntity"),
        ({"usageTags": ["IMAGE"]}, "InvalidJson"),
        ({"usageTags": ["MGMT"]}, "InvalidEntity"),
        ({"address": "no address"}, "InvalidEntity"),
        ({"password": ""}, "InvalidEntity"),
        ({"metadata": {"a": 1}}, "InvalidJson"),
    ):
        assert go.refused("POST", HOSTS, world.host_spec(11, **changes))[:2] == (400, code), changes
    unknown = {"availabilityZoneId": NOBODY}
    assert go.refused("POST", f"{host}/set_availability_zone", unknown)[:2] == (
        404,
        "AvailabilityZoneNotFound",
    )
    (shown,) = [
        h
        for h in go.get(HOSTS, ANY)["items"]
        if h["address"] == go.get(f"/v1/vms/{vm}", ANY)["host"]
    ]
    path = f"{HOSTS}/{shown['id']}"
    go.done("POST", f"{path}/suspend", status=200)
    status, code, data = go.refused("POST", f"{path}/enter-maintenance")
    assert (status, code, data["id"], int(data["vmCount"]) > 0) == (
        400,
        "HostHasVms",
        shown["id"],
        True,
    )
    go.done("POST", f"{path}/resume", status=200)
    go.done("DELETE", f"/v1/vms/{vm}")


def test_port_groups(world: World) -> None:
    go, spec = world.client, {"name": "s", "description": "", "type": "PORT_GROUP"}
    status, code, data = go.refused(
        "POST", "/v1/subnets", spec | {"portGroups": {"names": ["moon"]}}
    )
    assert (status, code, data) == (400, "PortGroupsDoNotExist", {"portGroup": "moon"})
    taken = spec | {"portGroups": {"names": ["VM Network"]}}
    status, code, data = go.refused("POST", "/v1/subnets", taken)
    assert (status, code) == (400, "PortGroupAlreadyAddedToSubnet")
    assert data == {"portGroup": "VM Network", "network": world.subnet}
    none: tuple[Any, ...] = (None, {"names": None}, {"names": []})
    for groups in none:
        said = go.refused("POST", "/v1/subnets", spec | {"portGroups": groups})
        assert said[:2] == (400, "InvalidEntity")


def test_the_rest_of_the_codes(world: World) -> None:
    go, vm = world.client, world.vm()
    stores = "/v1/infrastructure/image-datastores"
    go.done("POST", stores, {"items": ["sim-datastore"]}, status=200)
    for method, path, body, code in (
        ("POST", stores, {"items": ["other"]}, "InvalidImageDatastoreSet"),
        ("POST", "/v1/system/set-security-groups", {"items": ["a\\b"]}, "InvalidAuthConfig"),
        (
            "POST",
            "/v1/tenants",
            {"name": "t", "securityGroups": ["x"]},
            "InvalidSecurityGroupFormat",
        ),
        (
            "POST",
            f"/v1/tenants/{world.tenant}/set_security_groups",
            {"items": ["x"]},
            "InvalidSecurityGroupFormat",
        ),
        (
            "POST",
            f"/v1/vms/{vm}/create_image",
            {"name": "i", "replicationType": "X"},
            "InvalidImageReplicationType",
        ),
        ("POST", f"/v1/vms/{vm}/set_metadata", {"metadata": None}, "InvalidEntity"),
        ("POST", f"/v1/vms/{vm}/set_metadata", {}, "InvalidEntity"),
        ("POST", f"/v1/vms/{vm}/tags", {"value": ""}, "InvalidEntity"),
        ("POST", f"/v1/vms/{vm}/tags", {"value": "x" * 65}, "InvalidEntity"),
        ("POST", f"/v1/vms/{vm}/attach_disk", {"diskId": ""}, "InvalidEntity"),
    ):
        assert go.refused(method, path, body)[:2] == (400, code), path
    for verb in ("attach_disk", "detach_disk"):
        said = go.refused("POST", f"/v1/vms/{vm}/{verb}", {"diskId": NOBODY})
        assert said[:2] == (404, "DiskNotFound")
    go.done("DELETE", f"/v1/vms/{vm}")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"password": "wrong"}, "InvalidLoginCredentials"),
        ({"username": "wrong"}, "InvalidLoginCredentials"),
        ({"address": "sim-00099"}, "HostProvisionFailed"),
    ],
)
def test_a_host_that_its_agent_does_not_give_up(world: World, changes: Json, code: str) -> None:
    go = world.client
    host = f"{HOSTS}/{go.made(HOSTS, world.host_spec(11, **changes))}"
    assert go.failed("POST", f"{host}/provision", status=202) == [code]
    assert go.get(host, ANY)["state"] == "ERROR"
    go.done("DELETE", host)
