"""Each operation of VMs and disks in each of their states (contract, 3.1 and 3.2)."""

from __future__ import annotations

import pytest

from tests.clients.cloud import World
from tests.clients.go_client import Json, step_errors
from tests.clients.go_structs import PERSISTENT_DISK, TASK, VM

# A state: the operation is done, and leaves the VM so. A code: the step's error, and no change.
# A pair: what the request itself is refused with.
POWER: dict[str, dict[str, str]] = {
    "STOPPED": {
        "start": "STARTED",
        "stop": "STOPPED",
        "restart": "InternalError",
        "suspend": "InternalError",
        "resume": "STARTED",
    },
    "STARTED": {
        "start": "STARTED",
        "stop": "STOPPED",
        "restart": "STARTED",
        "suspend": "SUSPENDED",
        "resume": "STARTED",
    },
    "SUSPENDED": {
        "start": "STARTED",
        "stop": "STOPPED",
        "restart": "InternalError",
        "suspend": "SUSPENDED",
        "resume": "STARTED",
    },
    "ERROR": dict.fromkeys(("start", "stop", "restart", "suspend", "resume"), "InternalError"),
}
DELETE = {
    "STOPPED": None,
    "STARTED": "InvalidVmState",
    "SUSPENDED": "InvalidVmState",
    "ERROR": None,
}
ATTACH = {
    "STOPPED": None,
    "STARTED": None,
    "SUSPENDED": "InvalidVmState",
    "ERROR": "InternalError",
}
CREATE_IMAGE = {
    "STOPPED": None,
    "STARTED": "InvalidVmState",
    "SUSPENDED": "InvalidVmState",
    "ERROR": "InternalError",
}
STATES = tuple(POWER)
REFUSED = (400, "StateError")


def state_of(world: World, vm: str) -> str:
    return str(world.client.entity(f"/v1/vms/{vm}", VM)["state"])


def discard(world: World, vm: str) -> None:
    for task in world.client.items(f"/v1/vms/{vm}/tasks", TASK):
        world.client.wait(task)
    if state_of(world, vm) != "ERROR":
        world.client.done("POST", f"/v1/vms/{vm}/stop")
    world.client.done("DELETE", f"/v1/vms/{vm}")


@pytest.mark.parametrize("verb", POWER["STOPPED"])
@pytest.mark.parametrize("state", STATES)
def test_power_in_each_state(world: World, state: str, verb: str) -> None:
    vm = world.vm(state)
    assert state_of(world, vm) == state
    expected, path = POWER[state][verb], f"/v1/vms/{vm}/{verb}"
    if expected.isupper():
        world.client.done("POST", path)
        assert state_of(world, vm) == expected
    else:
        assert world.client.failed("POST", path) == [expected]
        assert state_of(world, vm) == state
    discard(world, vm)


@pytest.mark.parametrize("state", STATES)
def test_delete_in_each_state(world: World, state: str) -> None:
    vm, go = world.vm(state), world.client
    expected = DELETE[state]
    if expected is None:
        go.done("DELETE", f"/v1/vms/{vm}")
        assert go.refused("GET", f"/v1/vms/{vm}")[:2] == (404, "VmNotFound")
        return
    assert go.failed("DELETE", f"/v1/vms/{vm}") == [expected]
    assert state_of(world, vm) == state
    discard(world, vm)


@pytest.mark.parametrize("state", STATES)
def test_images_are_made_of_stopped_vms_only(world: World, state: str) -> None:
    vm, go, expected = world.vm(state), world.client, CREATE_IMAGE[state]
    spec = {"name": world.unique("i"), "replicationType": "ON_DEMAND"}
    path = f"/v1/vms/{vm}/create_image"
    if expected is None:
        go.done("DELETE", f"/v1/images/{go.made(path, spec)}")
    else:
        assert go.failed("POST", path, spec) == [expected]
    discard(world, vm)


@pytest.mark.parametrize("state", STATES)
def test_what_every_state_allows(world: World, state: str) -> None:
    vm, go = world.vm(state), world.client
    go.done("POST", f"/v1/vms/{vm}/set_metadata", {"metadata": {"k": "v"}})
    go.done("POST", f"/v1/vms/{vm}/tags", {"value": "t"})
    shown = go.entity(f"/v1/vms/{vm}", VM)
    assert (shown["metadata"], shown["tags"]) == ({"k": "v"}, ["t"])
    discard(world, vm)


@pytest.mark.parametrize("state", STATES)
def test_only_a_started_vm_has_a_screen(world: World, state: str) -> None:
    vm, go, path = world.vm(state), world.client, "mks_ticket"
    if state == "STARTED":
        go.done("GET", f"/v1/vms/{vm}/{path}", status=200)
    else:
        status, code, data = go.refused("GET", f"/v1/vms/{vm}/{path}")
        assert (status, code) == (400, "InvalidVmState")
        assert data["id"] == vm
    discard(world, vm)


@pytest.mark.parametrize("state", STATES)
def test_attach_and_detach_in_each_state_of_the_vm(world: World, state: str) -> None:
    vm, go = world.vm(state), world.client
    disk = world.disk(near=vm)
    body, expected = {"diskId": disk}, ATTACH[state]
    if expected is None:
        go.done("POST", f"/v1/vms/{vm}/attach_disk", body)
        shown = go.entity(f"/v1/vms/{vm}", VM)["attachedDisks"]
        assert [(d["id"], d["state"]) for d in shown][1:] == [(disk, "ATTACHED")]
        assert go.entity(f"/v1/disks/{disk}", PERSISTENT_DISK)["vms"] == [vm]
        status, code, data = go.refused("DELETE", f"/v1/vms/{vm}")
        assert (status, code) == (400, "PersistentDiskAttached")
        assert data == {"vmId": vm, "diskId": disk, "diskKind": "persistent-disk"}
        go.done("POST", f"/v1/vms/{vm}/detach_disk", body)
        assert go.entity(f"/v1/disks/{disk}", PERSISTENT_DISK)["vms"] == []
    else:
        assert go.failed("POST", f"/v1/vms/{vm}/attach_disk", body) == [expected]
        assert go.entity(f"/v1/disks/{disk}", PERSISTENT_DISK)["state"] == "DETACHED"
    discard(world, vm)
    go.done("DELETE", f"/v1/disks/{disk}")


def test_a_disk_is_not_detached_from_a_suspended_vm(world: World) -> None:
    vm, go = world.vm(), world.client
    disk = world.disk(near=vm)
    go.done("POST", f"/v1/vms/{vm}/attach_disk", {"diskId": disk})
    for verb in ("start", "suspend"):
        go.done("POST", f"/v1/vms/{vm}/{verb}")
    failed = go.failed("POST", f"/v1/vms/{vm}/detach_disk", {"diskId": disk})
    assert failed == ["InvalidVmState"]
    go.done("POST", f"/v1/vms/{vm}/stop")
    go.done("POST", f"/v1/vms/{vm}/detach_disk", {"diskId": disk})
    discard(world, vm)
    go.done("DELETE", f"/v1/disks/{disk}")


def test_a_vm_in_the_making_lets_nothing_else_be_done(world: World) -> None:
    go, disk = world.client, world.disk(near=world.vm())
    spec = world.vm_spec(**world.slowly())
    first = go.task("POST", f"/v1/projects/{world.project}/vms", spec)
    at = f"/v1/vms/{first['entity']['id']}"
    assert go.entity(at, VM)["state"] == "CREATING"
    image = {"name": "i", "replicationType": "EAGER"}
    bodies = {"attach_disk": {"diskId": disk}, "create_image": image}
    tasks = [
        go.task("POST", f"{at}/{verb}", bodies.get(verb)) for verb in (*POWER["STOPPED"], *bodies)
    ]
    tasks.append(go.task("DELETE", at))
    assert go.refused("GET", f"{at}/mks_ticket")[:2] == (400, "InvalidVmState")
    go.done("POST", f"{at}/tags", {"value": "t"})
    go.done("POST", f"{at}/set_metadata", {"metadata": {"k": "v"}})
    assert go.entity(at, VM)["state"] == "CREATING"
    for task in tasks:
        assert step_errors(go.wait(task)) == ["ConcurrentTask"]
    assert go.wait(first)["state"] == "COMPLETED"
    shown = go.entity(at, VM)
    assert (shown["metadata"], shown["tags"], shown["state"]) == ({"k": "v"}, ["t"], "STOPPED")
    go.done("DELETE", at)
    go.done("DELETE", f"/v1/disks/{disk}")


def test_a_disk_in_the_making_lets_nothing_else_be_done(world: World) -> None:
    go = world.client
    vm = world.vm(**world.slowly())
    spec = world.disk_spec(affinities=[{"id": vm, "kind": "vm"}])
    first = go.task("POST", f"/v1/projects/{world.project}/disks", spec)
    disk = first["entity"]["id"]
    refused = go.refused("POST", f"/v1/vms/{vm}/attach_disk", {"diskId": disk})
    assert refused[:2] == REFUSED
    assert refused[2]["state"] == "CREATING"
    tasks = [
        go.task("POST", f"/v1/vms/{vm}/detach_disk", {"diskId": disk}),
        go.task("DELETE", f"/v1/disks/{disk}"),
    ]
    assert go.entity(f"/v1/disks/{disk}", PERSISTENT_DISK)["state"] == "CREATING"
    for task in tasks:
        assert step_errors(go.wait(task)) == ["ConcurrentTask"]
    assert go.wait(first)["state"] == "COMPLETED"
    go.done("DELETE", f"/v1/disks/{disk}")
    go.done("DELETE", f"/v1/vms/{vm}")


def a_disk(world: World, state: str, vm: str) -> str:
    go, path = world.client, f"/v1/projects/{world.project}/disks"
    if state == "ERROR":
        task = go.wait(go.task("POST", path, world.disk_spec(capacityGb=1 << 20)))
        assert [e["code"] for e in task["steps"][0]["errors"]] == ["NotEnoughDatastoreCapacity"]
        return str(task["entity"]["id"])
    disk = world.disk(near=vm)
    if state == "ATTACHED":
        go.done("POST", f"/v1/vms/{vm}/attach_disk", {"diskId": disk})
    return disk


DISK: dict[str, dict[str, object]] = {
    "DETACHED": {"attach": None, "detach": ["InternalError"], "delete": None},
    "ATTACHED": {"attach": REFUSED, "detach": None, "delete": REFUSED},
    "ERROR": {"attach": REFUSED, "detach": ["InternalError"], "delete": None},
}


@pytest.mark.parametrize("operation", ["attach", "detach", "delete"])
@pytest.mark.parametrize("state", DISK)
def test_each_operation_in_each_state_of_a_disk(world: World, state: str, operation: str) -> None:
    go, vm = world.client, world.vm()
    disk = a_disk(world, state, vm)
    assert go.entity(f"/v1/disks/{disk}", PERSISTENT_DISK)["state"] == state
    expected = DISK[state][operation]
    asked: tuple[str, str, Json | None] = (
        ("DELETE", f"/v1/disks/{disk}", None)
        if operation == "delete"
        else ("POST", f"/v1/vms/{vm}/{operation}_disk", {"diskId": disk})
    )
    if expected is None:
        go.done(*asked)
    elif expected == REFUSED:
        status, code, data = go.refused(*asked)
        assert (status, code) == expected
        assert data["id"] == disk
        assert data["kind"] == "persistent-disk"
        assert data["operation"] == f"{operation.upper()}_DISK"
        assert data["state"] == state
    else:
        assert go.failed(*asked) == expected


def test_an_ephemeral_disk_lives_and_dies_with_its_vm(world: World) -> None:
    go, vm = world.client, world.vm()
    disk = go.entity(f"/v1/vms/{vm}", VM)["attachedDisks"][0]["id"]
    status, code, data = go.refused("DELETE", f"/v1/disks/{disk}")
    assert (status, code) == REFUSED
    assert (data["id"], data["kind"], data["operation"]) == (disk, "ephemeral-disk", "DELETE_DISK")
    discard(world, vm)
    assert go.refused("GET", f"/v1/disks/{disk}")[:2] == (404, "DiskNotFound")


def test_a_disk_of_another_project_is_not_attached(world: World) -> None:
    go, vm = world.client, world.vm()
    other = go.made(f"/v1/tenants/{world.tenant}/projects", {"name": world.unique("p")})
    disk = go.made(f"/v1/projects/{other}/disks", world.disk_spec())
    for verb in ("attach_disk", "detach_disk"):
        refused = go.refused("POST", f"/v1/vms/{vm}/{verb}", {"diskId": disk})
        assert refused[:2] == (400, "InvalidOperation")
    go.done("DELETE", f"/v1/disks/{disk}")
    go.done("DELETE", f"/v1/projects/{other}")
    discard(world, vm)
