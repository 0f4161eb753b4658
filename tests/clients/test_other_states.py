"""Hosts, images, flavors, subnets and zones in each of their states (contract, 3.3 and 3.4)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tests.clients.cloud import HOSTS, World, flavor, raw_image
from tests.clients.go_client import Form, Json, step_errors
from tests.clients.go_structs import FLAVOR, HOST, IMAGE, SUBNET, ZONE

WAY: dict[str, tuple[str, ...]] = {
    "NOT_PROVISIONED": (),
    "READY": ("provision",),
    "SUSPENDED": ("provision", "suspend"),
    "MAINTENANCE": ("provision", "suspend", "enter-maintenance"),
}
STATUS = {"provision": 202, "delete": 201}  # of the others: 200
ALLOWED: dict[str, dict[str, str]] = {
    "provision": {"NOT_PROVISIONED": "READY"},
    "suspend": {"READY": "SUSPENDED", "SUSPENDED": "SUSPENDED"},
    "resume": {"SUSPENDED": "READY"},
    "enter-maintenance": {"SUSPENDED": "MAINTENANCE", "MAINTENANCE": "MAINTENANCE"},
    "exit-maintenance": {"MAINTENANCE": "READY"},
    "delete": dict.fromkeys(("NOT_PROVISIONED", "MAINTENANCE", "ERROR"), ""),
}
OPERATION = {
    "enter-maintenance": "ENTER_MAINTENANCE_MODE",
    "exit-maintenance": "EXIT_MAINTENANCE_MODE",
}


@contextmanager
def silence() -> Iterator[str]:
    """Where somebody listens and never answers."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        yield "{}:{}".format(*listening.getsockname())


@contextmanager
def a_host(world: World, state: str) -> Iterator[str]:
    """The id of a host in this state, which is removed again."""
    go = world.client
    if state == "CREATING":
        with silence() as endpoint:
            spec = world.host_spec(14, metadata={"AGENT_ENDPOINT": endpoint})
            task = go.task("POST", HOSTS, spec)
            yield str(task["entity"]["id"])
        go.wait(task)
    elif state == "ERROR":
        host = go.made(HOSTS, world.host_spec(14, password="wrong"))
        task = go.wait(go.task("POST", f"{HOSTS}/{host}/provision", status=202))
        assert step_errors(task) == ["InvalidLoginCredentials"]
        yield host
    else:
        host = go.made(HOSTS, world.host_spec(14))
        for verb in WAY[state]:
            go.done("POST", f"{HOSTS}/{host}/{verb}", status=STATUS.get(verb, 200))
        yield host
        task = {"entity": {"id": host}}
    left = go.ask("GET", f"{HOSTS}/{task['entity']['id']}")
    if left.status == 200:
        _remove(world, left.read(HOST))


def _remove(world: World, host: Json) -> None:
    path = f"{HOSTS}/{host['id']}"
    way = {"READY": ("suspend", "enter-maintenance"), "SUSPENDED": ("enter-maintenance",)}
    for verb in way.get(host["state"], ()):
        world.client.done("POST", f"{path}/{verb}", status=200)
    world.client.done("DELETE", path)


@pytest.mark.parametrize("state", [*WAY, "ERROR", "CREATING"])
def test_what_a_host_refuses_in_each_state(world: World, state: str) -> None:
    go = world.client
    with a_host(world, state) as host:
        path = f"{HOSTS}/{host}"
        for verb, to in ALLOWED.items():
            if state in to:
                continue
            status, code, data = go.refused(*asked(verb, path))
            operation = OPERATION.get(verb, f"{verb.upper()}_HOST")
            assert (status, code) == (400, "StateError")
            assert data == {"id": host, "kind": "host", "operation": operation, "state": state}
        assert go.entity(path, HOST)["state"] == state


@pytest.mark.parametrize(
    ("state", "verb"), [(state, verb) for verb, to in ALLOWED.items() for state in to]
)
def test_what_a_host_does_in_each_state(world: World, state: str, verb: str) -> None:
    with a_host(world, state) as host:
        world.client.done(*asked(verb, f"{HOSTS}/{host}"), status=STATUS.get(verb, 200))
        if verb != "delete":
            shown = world.client.entity(f"{HOSTS}/{host}", HOST)
            assert shown["state"] == ALLOWED[verb][state]


def asked(verb: str, path: str) -> tuple[str, str]:
    return ("DELETE", path) if verb == "delete" else ("POST", f"{path}/{verb}")


def test_a_zone_is_set_once(world: World) -> None:
    go = world.client
    zone = go.made("/v1/zones", {"name": world.unique("z")})
    body = {"availabilityZoneId": zone}
    with a_host(world, "NOT_PROVISIONED") as host:
        go.done("POST", f"{HOSTS}/{host}/set_availability_zone", body)
        assert go.entity(f"{HOSTS}/{host}", HOST)["availabilityZone"] == zone
        status, code, _ = go.refused("POST", f"{HOSTS}/{host}/set_availability_zone", body)
        assert (status, code) == (400, "HostAvailabilityZoneAlreadySet")
        go.task("DELETE", f"/v1/zones/{zone}")
        assert go.entity(f"/v1/zones/{zone}", ZONE)["state"] == "PENDING_DELETE"
        refused = go.refused("DELETE", f"/v1/zones/{zone}")
        assert refused[:2] == (400, "InvalidAvailabilityZoneState")
        spec = world.host_spec(13, zone=zone)
        assert go.refused("POST", HOSTS, spec)[:2] == (400, "InvalidAvailabilityZoneState")
        near = [{"id": zone, "kind": "availabilityZone"}]
        vm = world.vm_spec(affinities=near)
        refused = go.refused("POST", f"/v1/projects/{world.project}/vms", vm)
        assert refused[:2] == (400, "InvalidAvailabilityZoneState")
    assert go.refused("GET", f"/v1/zones/{zone}")[:2] == (404, "AvailabilityZoneNotFound")


def test_a_host_is_made_in_a_zone_by_either_name_of_it(world: World) -> None:
    go = world.client
    zone = go.made("/v1/zones", {"name": world.unique("z")})
    for member in ("zone", "availabilityZone"):
        host = go.made(HOSTS, world.host_spec(13, **{member: zone}))
        assert go.entity(f"{HOSTS}/{host}", HOST)["availabilityZone"] == zone
        go.done("DELETE", f"{HOSTS}/{host}")
    go.done("DELETE", f"/v1/zones/{zone}")
    assert go.entity(f"/v1/zones/{zone}", ZONE)["state"] == "PENDING_DELETE"
    unknown = world.host_spec(13, zone=world.project)
    assert go.refused("POST", HOSTS, unknown)[:2] == (404, "AvailabilityZoneNotFound")


def test_what_is_used_is_deleted_with_its_last_user(world: World) -> None:
    go = world.client
    image = world.upload(Form("used.raw", raw_image()))["entity"]["id"]
    kinds = {"vm": world.unique("f"), "ephemeral-disk": world.unique("f")}
    flavors = [go.made("/v1/flavors", flavor(name, kind)) for kind, name in kinds.items()]
    groups = {"portGroups": {"names": [world.network()]}, "description": ""}
    subnet = go.made("/v1/subnets", {"name": "s", "type": "PORT_GROUP"} | groups)
    boot = {"name": "b", "flavor": kinds["ephemeral-disk"], "kind": "ephemeral-disk"}
    users: Json = {
        "flavor": kinds["vm"],
        "sourceImageId": image,
        "attachedDisks": [boot | {"bootDisk": True}],
        "subnets": [subnet],
    }
    vm = world.vm(**users)
    wrong = "InvalidFlavorState"
    used = (
        (f"/v1/images/{image}", IMAGE, "InvalidImageState", "sourceImageId", "ImageNotFound"),
        (f"/v1/flavors/{flavors[0]}", FLAVOR, wrong, "flavor", "FlavorNotFound"),
        (f"/v1/flavors/{flavors[1]}", FLAVOR, wrong, "attachedDisks", "FlavorNotFound"),
        (f"/v1/subnets/{subnet}", SUBNET, "InvalidNetworkState", "subnets", "NetworkNotFound"),
    )
    for path, shape, code, member, _ in used:
        go.task("DELETE", path)
        assert go.entity(path, shape)["state"] == "PENDING_DELETE"
        status, again, data = go.refused("DELETE", path)
        assert (status, again) == (400, code)
        assert data == {"id": path.rpartition("/")[2], "state": "PENDING_DELETE"}
        spec = world.vm_spec(**{member: users[member]})
        refused = go.refused("POST", f"/v1/projects/{world.project}/vms", spec)
        assert refused[:2] == (400, code)
    assert go.refused("POST", f"/v1/subnets/{subnet}/set_default")[:2] == (
        400,
        "InvalidNetworkState",
    )
    go.done("DELETE", f"/v1/vms/{vm}")
    for path, _, _, _, gone in used:
        assert go.refused("GET", path)[:2] == (404, gone)


def test_an_image_that_failed_can_only_be_deleted(world: World) -> None:
    go = world.client
    task = world.upload(Form("text.vmdk", b"no image at all\n" * 100))
    assert [e["code"] for e in task["steps"][0]["errors"]] == ["UnsupportedImageFileType"]
    image = task["entity"]["id"]
    assert go.entity(f"/v1/images/{image}", IMAGE)["state"] == "ERROR"
    spec = world.vm_spec(sourceImageId=image)
    refused = go.refused("POST", f"/v1/projects/{world.project}/vms", spec)
    assert refused[:2] == (400, "InvalidImageState")
    go.done("DELETE", f"/v1/images/{image}")
    assert go.refused("GET", f"/v1/images/{image}")[:2] == (404, "ImageNotFound")


def test_an_image_in_the_making_is_not_used(world: World) -> None:
    go = world.client
    vm = world.vm(**world.slowly())
    task = go.task("POST", f"/v1/vms/{vm}/create_image", {"name": "i", "replicationType": "EAGER"})
    image = task["entity"]["id"]
    assert go.entity(f"/v1/images/{image}", IMAGE)["state"] == "CREATING"
    spec = world.vm_spec(sourceImageId=image)
    refused = go.refused("POST", f"/v1/projects/{world.project}/vms", spec)
    assert refused[:2] == (400, "InvalidImageState")
    assert go.wait(task)["state"] == "COMPLETED"
    go.done("DELETE", f"/v1/images/{image}")
    go.done("DELETE", f"/v1/vms/{vm}")
