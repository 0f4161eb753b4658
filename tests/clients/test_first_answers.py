"""What the first answer to a change says: its status, state, entity, steps (contract, 4.1, 4.2)."""

from __future__ import annotations

import pytest

from tests.clients.cloud import HOSTS, World, cost, flavor
from tests.clients.go_client import Json

QUOTA: Json = {"quotaItems": {"vm": {"limit": 10.0, "usage": 0, "unit": "COUNT"}}}
AT_ONCE = "COMPLETED"
LATER = "QUEUED"


def steps(task: Json) -> list[str]:
    return [step["operation"] for step in task["steps"]]


def born(task: Json, operation: str, kind: str, id: str | None = None) -> str:
    """A task that was done when it was answered; its entity's id."""
    assert (task["state"], task["operation"]) == (AT_ONCE, operation)
    assert task["entity"]["kind"] == kind
    assert task["entity"]["id"] == (id or task["entity"]["id"])
    assert len(task["steps"]) <= 1
    return str(task["entity"]["id"])


def test_what_fits_one_transaction_is_completed_in_the_first_answer(world: World) -> None:
    go = world.client
    tenant = born(
        go.task("POST", "/v1/tenants", {"name": world.unique("t"), "quota": QUOTA}),
        "CREATE_TENANT",
        "tenant",
    )
    at = f"/v1/tenants/{tenant}"
    spec = {"name": world.unique("p"), "quota": QUOTA, "securityGroups": None}
    project = born(go.task("POST", f"{at}/projects", spec), "CREATE_PROJECT", "project")
    for owner, kind, owner_id in (
        (at, "tenant", tenant),
        (f"/v1/projects/{project}", "project", project),
    ):
        for verb, operation in (("PUT", "RESET_QUOTA"), ("PATCH", "UPDATE_QUOTA")):
            born(go.task(verb, f"{owner}/quota", QUOTA), operation, kind, owner_id)
    for owner, kind, owner_id in (
        (f"/v1/projects/{project}", "project", project),
        (at, "tenant", tenant),
    ):
        born(go.task("DELETE", f"{owner}/quota", QUOTA), "DELETE_QUOTA", kind, owner_id)
    born(go.task("DELETE", f"/v1/projects/{project}"), "DELETE_PROJECT", "project", project)
    born(go.task("DELETE", at), "DELETE_TENANT", "tenant", tenant)
    zone = born(
        go.task("POST", "/v1/zones", {"name": world.unique("z")}),
        "CREATE_AVAILABILITYZONE",
        "availability-zone",
    )
    task = go.task("DELETE", f"/v1/zones/{zone}")
    born(task, "DELETE_AVAILABILITYZONE", "availability-zone", zone)
    made = go.task("POST", "/v1/flavors", flavor(world.unique("f"), "vm"))
    id = born(made, "CREATE_FLAVOR", made["entity"]["kind"])
    born(go.task("DELETE", f"/v1/flavors/{id}"), "DELETE_FLAVOR", made["entity"]["kind"], id)
    for path in (at, f"/v1/projects/{project}", f"/v1/flavors/{id}"):
        assert go.refused("GET", path)[0] == 404


def test_subnets_are_made_at_once(world: World) -> None:
    go = world.client
    spec = {"name": "s", "description": "d", "type": "PORT_GROUP"}
    made = go.task("POST", "/v1/subnets", spec | {"portGroups": {"names": [world.network()]}})
    id = born(made, "CREATE_NETWORK", "subnet")
    at = f"/v1/subnets/{id}"
    born(go.task("PATCH", at, {"name": "renamed"}), "UPDATE_SUBNET", "subnet", id)
    groups = {"names": [world.network()]}
    born(go.task("POST", f"{at}/set_portgroups", groups), "SET_PORT_GROUPS", "subnet", id)
    born(go.task("POST", f"{at}/set_default"), "SET_DEFAULT_NETWORK", "subnet", id)
    former = f"/v1/subnets/{world.subnet}"
    born(go.task("POST", f"{former}/set_default"), "SET_DEFAULT_NETWORK", "subnet")
    born(go.task("DELETE", at), "DELETE_NETWORK", "subnet", id)


def test_metadata_tags_and_images_of_a_vm(world: World) -> None:
    go, vm = world.client, world.vm()
    at = f"/v1/vms/{vm}"
    born(go.task("POST", f"{at}/set_metadata", {"metadata": {"a": "b"}}), "SET_METADATA", "vm", vm)
    born(go.task("POST", f"{at}/tags", {"value": "a:b=c"}), "ADD_TAG", "vm", vm)
    task = go.task("POST", f"{at}/create_image", {"name": "i", "replicationType": "EAGER"})
    assert (task["state"], steps(task)) == (LATER, ["CREATE_VM_IMAGE", "REPLICATE_IMAGE"])
    assert (task["operation"], task["entity"]["kind"]) == ("CREATE_VM_IMAGE", "image")
    image = go.wait(task)["entity"]["id"]
    born(go.task("DELETE", f"/v1/images/{image}"), "DELETE_IMAGE", "image", image)
    go.done("DELETE", at)


@pytest.mark.parametrize("noun", ["tenants", "projects"])
def test_security_groups_are_answered_with_200(world: World, noun: str) -> None:
    go, operation = world.client, f"SET_{noun[:-1].upper()}_SECURITY_GROUPS"
    id = {"tenants": world.tenant, "projects": world.project}[noun]
    path = f"/v1/{noun}/{id}/set_security_groups"
    task = go.task("POST", path, {"items": ["dom\\group"]}, status=200)
    assert (task["state"], task["operation"]) == (AT_ONCE, operation)
    pushed = ["PUSH_TENANT_SECURITY_GROUPS"] if noun == "tenants" else []
    assert steps(task) == [operation, *pushed]
    go.task("POST", path, {"items": []}, status=200)


def test_a_vm_through_its_operations(world: World) -> None:
    go = world.client
    first = go.task("POST", f"/v1/projects/{world.project}/vms", world.vm_spec())
    assert (first["state"], first["operation"]) == (LATER, "CREATE_VM")
    assert steps(first) == ["RESERVE_RESOURCE", "CREATE_VM"]
    assert first["startedTime"] is None
    vm = first["entity"]["id"]
    assert go.wait(first)["state"] == "COMPLETED"
    disk = world.disk(near=vm)
    for verb, operation, body in (
        ("start", "START_VM", None),
        ("restart", "RESTART_VM", None),
        ("suspend", "SUSPEND_VM", None),
        ("resume", "RESUME_VM", None),
        ("stop", "STOP_VM", None),
        ("attach_disk", "ATTACH_DISK", {"diskId": disk}),
        ("detach_disk", "DETACH_DISK", {"diskId": disk}),
    ):
        task = go.task("POST", f"/v1/vms/{vm}/{verb}", body)
        assert (task["state"], task["operation"]) == (LATER, operation)
        assert (steps(task), task["entity"]) == ([operation], {"kind": "vm", "id": vm})
        assert go.wait(task)["state"] == "COMPLETED"
    task = go.task("DELETE", f"/v1/vms/{vm}")
    assert (task["state"], steps(task)) == (LATER, ["DELETE_VM"])
    assert go.wait(task)["state"] == "COMPLETED"
    task = go.task("DELETE", f"/v1/disks/{disk}")
    assert (steps(task), task["entity"]) == (
        ["DELETE_DISK"],
        {"kind": "persistent-disk", "id": disk},
    )
    assert go.wait(task)["state"] == "COMPLETED"


def test_a_disk_has_the_kind_of_a_persistent_one(world: World) -> None:
    go = world.client
    task = go.task("POST", f"/v1/projects/{world.project}/disks", world.disk_spec())
    assert (task["state"], task["operation"]) == (LATER, "CREATE_DISK")
    assert steps(task) == ["RESERVE_RESOURCE", "CREATE_DISK"]
    assert task["entity"]["kind"] == "persistent-disk"
    assert go.wait(task)["state"] == "COMPLETED"
    go.done("DELETE", f"/v1/disks/{task['entity']['id']}")


def test_a_host_through_its_operations(world: World) -> None:
    go = world.client
    task = go.task("POST", HOSTS, world.host_spec(12))
    assert (task["state"], task["operation"]) == (LATER, "CREATE_HOST")
    assert steps(task) == ["CREATE_HOST", "QUERY_HOST_TASK_RESULT"]
    host = task["entity"]["id"]
    assert go.wait(task)["state"] == "COMPLETED"
    changed = "QUERY_HOST_CHANGE_MODE_TASK_RESULT"
    for verb, status, shown in (
        ("provision", 202, ["PROVISION_HOST", "QUERY_PROVISION_HOST_TASK_RESULT"]),
        ("suspend", 200, ["SUSPEND_HOST", changed]),
        ("enter-maintenance", 200, ["ENTER_MAINTENANCE_MODE", changed]),
        ("exit-maintenance", 200, ["EXIT_MAINTENANCE_MODE", changed]),
        ("suspend", 200, ["SUSPEND_HOST", changed]),
        ("resume", 200, ["RESUME_HOST", changed]),
        ("suspend", 200, ["SUSPEND_HOST", changed]),
        ("enter_maintenance", 200, ["ENTER_MAINTENANCE_MODE", changed]),
    ):
        task = go.task("POST", f"{HOSTS}/{host}/{verb}", status=status)
        assert (task["operation"], steps(task)) == (shown[0], shown)
        assert task["entity"] == {"kind": "host", "id": host}
        assert go.wait(task)["state"] == "COMPLETED"
    zone = go.made("/v1/zones", {"name": world.unique("z")})
    put = {"availabilityZoneId": zone}
    task = go.done("POST", f"{HOSTS}/{host}/set_availability_zone", put)
    assert steps(task) == ["SET_AVAILABILITYZONE"]
    task = go.done("DELETE", f"{HOSTS}/{host}")
    assert steps(task) == ["DEPROVISION_HOST", "QUERY_DEPROVISION_HOST_TASK_RESULT", "DELETE_HOST"]
    go.done("DELETE", f"/v1/zones/{zone}")


def test_a_host_that_was_never_provisioned_is_only_deleted(world: World) -> None:
    host = world.client.made(HOSTS, world.host_spec(12))
    assert steps(world.client.done("DELETE", f"{HOSTS}/{host}")) == ["DELETE_HOST"]


def test_questions_to_a_vm_are_tasks_with_an_object(world: World) -> None:
    """Answered with 200, as the last release says; earlier ones said 201, and clients take both."""
    go, vm = world.client, world.vm("STARTED")
    for verb, operation in (("subnets", "GET_NETWORKS"), ("mks_ticket", "GET_MKS_TICKET")):
        task = go.task("GET", f"/v1/vms/{vm}/{verb}", status=200)
        assert (task["operation"], steps(task)) == (operation, [operation])
        assert go.wait(task)["resourceProperties"]
    go.done("POST", f"/v1/vms/{vm}/stop")
    go.done("DELETE", f"/v1/vms/{vm}")


def test_image_datastores_and_hosts_configuration(world: World) -> None:
    go, at = world.client, "/v1/infrastructure"
    shown = ["SYNC_HOSTS_CONFIG_INITIATE", "SYNC_HOSTS_CONFIG"]
    task = go.done("POST", f"{at}/image-datastores", {"items": ["sim-datastore"]}, status=200)
    assert (task["operation"], steps(task)) == ("UPDATE_IMAGE_DATASTORES", shown)
    assert task["entity"]["kind"] == "deployment"
    task = go.done("POST", f"{at}/sync-hosts-config")
    assert (task["operation"], steps(task)) == ("SYNC_HOSTS_CONFIG", shown)


def test_a_boot_disk_with_a_size_is_warned_of(world: World) -> None:
    go = world.client
    disk = {"flavor": "boot", "kind": "ephemeral", "name": "b", "bootDisk": True, "capacityGb": 9}
    task = go.done("POST", f"/v1/projects/{world.project}/vms", world.vm_spec(attachedDisks=[disk]))
    assert [len(step["warnings"]) for step in task["steps"]] == [1, 0]
    go.done("DELETE", f"/v1/vms/{task['entity']['id']}")


def test_costs_and_limits_may_be_written_as_whole_numbers(world: World) -> None:
    go = world.client
    spec = {"name": world.unique("f"), "kind": "vm"}
    items = cost(("vm.cpu", 2, "COUNT"), ("vm.memory", 1024, "MB"), ("mine", 0, "B"))
    id = go.made("/v1/flavors", spec | {"cost": items})
    go.done("DELETE", f"/v1/flavors/{id}")
