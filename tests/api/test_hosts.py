"""Hosts: adding, provisioning, modes, zones and removing, with simulated agents behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.host_spec import MANAGEMENT_KEYS
from photon.domain.missing_host import MissingHost
from photon.domain.readiness import Readiness
from photon.domain.task import Task, TaskState
from photon.store.nouns import DATASTORES, HOST_DATASTORES, HOSTS, IMAGES, MISSING_HOSTS
from photon.store.protocol import Delete, Insert, Update
from tests.api.builders import an_image
from tests.api.cloud_rig import ENDPOINT, CloudApi, error_codes, host_spec
from tests.api.cloud_rig import HOSTS as PATH


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path)
    await made.open()
    yield made
    await made.close()


def a_demand(**changes: Any) -> Demand:
    return Demand(**{"id": "demand-1", "cpus": 1, "memory_mib": 64, **changes})


async def placed(api: CloudApi, demand: Demand | None = None) -> bool:
    """Whether the scheduler would take a VM now."""
    demand = demand or a_demand()
    answer = await api.leaf.place(demand)
    if isinstance(answer, NoPlacement):
        return False
    assert isinstance(answer, Placement)
    await api.leaf.release(demand.id, answer.host_id)
    return True


async def test_a_host_that_is_added_is_shown_as_it_was_given(api: CloudApi) -> None:
    task = await api.run("POST", PATH, host_spec())
    assert [step.operation for step in task.steps] == ["CREATE_HOST", "QUERY_HOST_TASK_RESULT"]
    assert (task.operation, task.entity_kind, task.state) == ("CREATE_HOST", "host", "COMPLETED")
    shown = await api.host(task.entity_id)
    assert shown == {
        "id": task.entity_id,
        "selfLink": f"http://api.test{PATH}/{task.entity_id}",
        "kind": "host",
        "address": "sim-00001",
        "username": "root",
        "password": "secret",
        "usageTags": ["CLOUD"],
        "availabilityZone": None,
        "metadata": {"AGENT_ENDPOINT": ENDPOINT},
        "esxVersion": None,
        "state": "NOT_PROVISIONED",
        "agentState": None,
        "missingSinceTime": None,
        "missingReason": None,
    }
    assert [host["id"] for host in await api.items(PATH)] == [task.entity_id]


async def test_a_host_whose_agent_is_silent_ends_in_error_and_can_be_removed(api: CloudApi) -> None:
    nowhere = {"AGENT_ENDPOINT": "nowhere.test:1"}
    task = await api.run("POST", PATH, host_spec(metadata=nowhere))
    assert task.state is TaskState.ERROR
    assert error_codes(task) == ["HostProvisionFailed"]
    assert "nowhere.test:1" in task.steps[0].errors[0].message
    assert (await api.host(task.entity_id))["state"] == "ERROR"
    gone = await api.run("DELETE", f"{PATH}/{task.entity_id}")
    assert gone.state is TaskState.COMPLETED
    assert gone.steps[0].warnings
    await api.refused("GET", f"{PATH}/{task.entity_id}", code="HostNotFound", status=404)


async def test_two_hosts_never_have_one_address(api: CloudApi) -> None:
    await api.add_host()
    error = await api.refused("POST", PATH, host_spec(), code="DuplicateHost")
    assert error["data"] == {"ip": "sim-00001"}


@pytest.mark.parametrize(
    "changes",
    [
        {"usageTags": ["MGMT"]},
        {"metadata": {"AGENT_ENDPOINT": "no port"}},
        {"metadata": {"AGENT_ENDPOINT": "host:99999"}},
        {"metadata": {"ALLOWED_DATASTORES": "," * 256}},
        {"usageTags": []},
        {"address": "not an address"},
        {"password": ""},
    ],
)
async def test_a_host_that_cannot_be_is_refused(api: CloudApi, changes: dict[str, Any]) -> None:
    await api.refused("POST", PATH, host_spec(**changes), code="InvalidEntity")


async def test_an_unknown_usage_tag_is_no_json_of_ours(api: CloudApi) -> None:
    await api.refused("POST", PATH, host_spec(usageTags=["IMAGE"]), code="InvalidJson")


async def test_a_management_host_needs_its_metadata(api: CloudApi) -> None:
    metadata = {"AGENT_ENDPOINT": ENDPOINT} | dict.fromkeys(MANAGEMENT_KEYS, "x")
    host_id = await api.add_host(usageTags=["MGMT", "CLOUD"], metadata=metadata)
    assert (await api.host(host_id))["usageTags"] == ["CLOUD", "MGMT"]


@pytest.mark.parametrize("member", ["zone", "availabilityZone"])
async def test_a_zone_may_be_given_under_either_name(api: CloudApi, member: str) -> None:
    zone_id = await api.made("/v1/zones", {"name": "z1"})
    changes: dict[str, Any] = {member: zone_id}
    host_id = await api.add_host(1, **changes)
    assert (await api.host(host_id))["availabilityZone"] == zone_id


async def test_a_zone_that_is_given_must_be_there_and_stay(api: CloudApi) -> None:
    await api.refused(
        "POST", PATH, host_spec(zone="no-zone"), code="AvailabilityZoneNotFound", status=404
    )
    zone_id = await api.made("/v1/zones", {"name": "z1"})
    await api.do("DELETE", f"/v1/zones/{zone_id}")
    await api.refused("POST", PATH, host_spec(zone=zone_id), code="InvalidAvailabilityZoneState")


async def test_a_provisioned_host_takes_vms_as_soon_as_its_task_has_ended(api: CloudApi) -> None:
    host_id = await api.add_host()
    assert not await placed(api)
    task = await api.run("POST", f"{PATH}/{host_id}/provision", status=202)
    assert await placed(api)
    assert [step.operation for step in task.steps] == [
        "PROVISION_HOST",
        "QUERY_PROVISION_HOST_TASK_RESULT",
    ]
    shown = await api.host(host_id)
    assert (shown["state"], shown["esxVersion"]) == ("READY", "simulated")
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    assert (host.cpus, host.networks) == (64, ("VM Network",))
    assert host.task_id is None


async def test_a_provisioned_host_brings_its_datastores(api: CloudApi) -> None:
    for number in (1, 2):
        await api.ready_host(number)
    assert [row["id"] for row in await api.items("/v1/infrastructure/datastores")] == [
        "sim-datastore"
    ]
    assert await api.store.count(HOST_DATASTORES, {"datastore_id": "sim-datastore"}) == 2


async def test_hosts_that_share_a_datastore_may_be_provisioned_at_once(api: CloudApi) -> None:
    ids = [await api.add_host(number) for number in (1, 2, 3)]
    asked = [await api.ask("POST", f"{PATH}/{id}/provision") for id in ids]
    tasks = [await api.ended(answer.json()["id"]) for answer in asked]
    assert [task.state for task in tasks] == ["COMPLETED"] * 3
    assert await api.store.count(DATASTORES, {}) == 1


async def test_wrong_credentials_end_the_provisioning(api: CloudApi) -> None:
    host_id = await api.add_host(password="wrong")
    task = await api.run("POST", f"{PATH}/{host_id}/provision", status=202)
    assert error_codes(task) == ["InvalidLoginCredentials"]
    assert (await api.host(host_id))["state"] == "ERROR"
    assert (await api.run("DELETE", f"{PATH}/{host_id}")).state is TaskState.COMPLETED
    await api.ready_host()


async def test_a_host_that_no_agent_serves_is_not_provisioned(api: CloudApi) -> None:
    host_id = await api.add_host(77)
    task = await api.run("POST", f"{PATH}/{host_id}/provision", status=202)
    assert error_codes(task) == ["HostProvisionFailed"]


async def test_a_host_is_provisioned_once(api: CloudApi) -> None:
    host_id = await api.ready_host()
    await api.refused("POST", f"{PATH}/{host_id}/provision", code="StateError")


async def verb(api: CloudApi, host_id: str, name: str) -> Task:
    task = await api.run("POST", f"{PATH}/{host_id}/{name}", status=200)
    assert task.state is TaskState.COMPLETED, task
    assert [step.operation for step in task.steps] == [
        task.operation,
        "QUERY_HOST_CHANGE_MODE_TASK_RESULT",
    ]
    return task


async def test_a_host_goes_round_its_states(api: CloudApi) -> None:
    host_id = await api.ready_host()
    rounds = (
        ("suspend", "SUSPEND_HOST", "SUSPENDED", False),
        ("suspend", "SUSPEND_HOST", "SUSPENDED", False),
        ("resume", "RESUME_HOST", "READY", True),
        ("suspend", "SUSPEND_HOST", "SUSPENDED", False),
        ("enter-maintenance", "ENTER_MAINTENANCE_MODE", "MAINTENANCE", False),
        ("enter_maintenance", "ENTER_MAINTENANCE_MODE", "MAINTENANCE", False),
        ("exit-maintenance", "EXIT_MAINTENANCE_MODE", "READY", True),
    )
    for name, operation, state, takes in rounds:
        task = await verb(api, host_id, name)
        assert task.operation == operation
        assert await placed(api) is takes, name
        assert (await api.host(host_id))["state"] == state


@pytest.mark.parametrize("name", ["enter-maintenance", "exit-maintenance", "resume"])
async def test_no_state_is_skipped(api: CloudApi, name: str) -> None:
    host_id = await api.ready_host()
    error = await api.refused("POST", f"{PATH}/{host_id}/{name}", code="StateError")
    assert error["data"]["state"] == "READY"
    await api.refused("DELETE", f"{PATH}/{host_id}", code="StateError")


async def test_the_older_names_of_the_maintenance_verbs_work(api: CloudApi) -> None:
    host_id = await api.ready_host()
    for name in ("suspend", "enter_maintenance", "exit_maintenance"):
        await verb(api, host_id, name)


async def test_a_host_whose_agent_is_silent_goes_into_maintenance_with_a_warning(
    api: CloudApi,
) -> None:
    host_id = await api.ready_host()
    await verb(api, host_id, "suspend")
    api.endpoints.clear()
    task = await verb(api, host_id, "enter-maintenance")
    assert task.steps[0].warnings
    await lose(api, host_id)
    gone = await api.run("DELETE", f"{PATH}/{host_id}")
    assert gone.state is TaskState.COMPLETED, "one delete is enough"
    assert "Should the machine come back" in gone.steps[0].warnings[0].message
    assert await api.store.count(MISSING_HOSTS, {}) == 0


async def lose(api: CloudApi, host_id: str) -> None:
    await api.store.commit([Insert(MISSING_HOSTS, MissingHost(host_id, 7000, "nobody is there"))])


async def a_vm(api: CloudApi, project_id: str) -> str:
    image = msgspec.structs.replace(
        await an_image(api, project_id), state=Readiness.READY, checksum="ab" * 32, generation=1
    )
    await api.store.commit([Update(IMAGES, image)])
    return await api.a_vm(project_id, image.id)


async def test_a_missing_host_is_shown_as_such_and_so_are_its_vms(api: CloudApi) -> None:
    host_id = await api.ready_host()
    project_id = await api.a_project()
    vm_id = await a_vm(api, project_id)
    assert (await api.host(host_id))["agentState"] == "ACTIVE"
    assert (await api.get(f"/v1/vms/{vm_id}"))["hostState"] == "ACTIVE"
    await lose(api, host_id)
    for shown in (await api.host(host_id), *await api.items(PATH)):
        assert shown["agentState"] == "MISSING"
        assert (shown["missingSinceTime"], shown["missingReason"]) == (7000, "nobody is there")
        assert shown["state"] == "READY"
    for path in (f"/v1/projects/{project_id}/vms", f"{PATH}/{host_id}/vms"):
        [vm] = await api.items(path)
        assert (vm["hostState"], vm["state"]) == ("MISSING", "STOPPED")
    await api.store.commit([Delete(MISSING_HOSTS, host_id)])
    assert (await api.get(f"/v1/vms/{vm_id}"))["hostState"] == "ACTIVE"


async def test_a_vm_on_a_missing_host_is_refused_by_what_only_its_host_can_do(
    api: CloudApi,
) -> None:
    host_id = await api.ready_host()
    vm_id = await a_vm(api, await api.a_project())
    await lose(api, host_id)
    for verb_ in ("start", "stop", "restart", "suspend", "resume"):
        task = await api.run("POST", f"/v1/vms/{vm_id}/{verb_}")
        assert error_codes(task) == ["InvalidHostState"]
        assert "MISSING" in task.steps[0].errors[0].message
    assert (await api.get(f"/v1/vms/{vm_id}"))["state"] == "STOPPED"
    gone = await api.run("DELETE", f"/v1/vms/{vm_id}")
    assert gone.state is TaskState.COMPLETED
    assert [warning.code for warning in gone.steps[0].warnings] == ["InvalidHostState"]


async def test_a_host_that_another_task_holds_says_so_in_its_first_step(api: CloudApi) -> None:
    host_id = await api.ready_host()
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    await api.store.commit([Update(HOSTS, msgspec.structs.replace(host, task_id="other"))])
    task = await api.run("POST", f"{PATH}/{host_id}/suspend", status=200)
    assert error_codes(task) == ["ConcurrentTask"]
    assert task.steps[0].state is TaskState.ERROR


async def test_a_zone_is_set_once(api: CloudApi) -> None:
    zone_id = await api.made("/v1/zones", {"name": "z1"})
    host_id = await api.ready_host()
    path = f"{PATH}/{host_id}/set_availability_zone"
    body = {"availabilityZoneId": zone_id}
    assert not await placed(api, a_demand(zone_id=zone_id))
    task = await api.run("POST", path, body)
    assert [step.operation for step in task.steps] == ["SET_AVAILABILITYZONE"]
    assert await placed(api, a_demand(zone_id=zone_id))
    assert (await api.host(host_id))["availabilityZone"] == zone_id
    await api.refused("POST", path, body, code="HostAvailabilityZoneAlreadySet")
    await api.refused(
        "POST",
        f"{PATH}/{await api.add_host(2)}/set_availability_zone",
        {"availabilityZoneId": "none"},
        code="AvailabilityZoneNotFound",
        status=404,
    )


async def test_a_host_that_is_not_provisioned_is_deleted_in_one_step(api: CloudApi) -> None:
    host_id = await api.add_host()
    task = await api.run("DELETE", f"{PATH}/{host_id}")
    assert [step.operation for step in task.steps] == ["DELETE_HOST"]


async def test_a_host_in_maintenance_is_given_back_and_may_come_again(api: CloudApi) -> None:
    host_id = await api.ready_host()
    for name in ("suspend", "enter-maintenance"):
        await verb(api, host_id, name)
    task = await api.run("DELETE", f"{PATH}/{host_id}")
    assert task.state is TaskState.COMPLETED
    assert [step.operation for step in task.steps] == [
        "DEPROVISION_HOST",
        "QUERY_DEPROVISION_HOST_TASK_RESULT",
        "DELETE_HOST",
    ]
    assert await api.items("/v1/infrastructure/datastores") == []
    assert await api.store.count(HOST_DATASTORES, {}) == 0
    assert await api.ready_host() != host_id


async def test_a_datastore_stays_while_another_host_reaches_it(api: CloudApi) -> None:
    leaving = await api.ready_host(1)
    await api.ready_host(2)
    for name in ("suspend", "enter-maintenance"):
        await verb(api, leaving, name)
    assert (await api.run("DELETE", f"{PATH}/{leaving}")).state is TaskState.COMPLETED
    assert len(await api.items("/v1/infrastructure/datastores")) == 1


async def test_a_deleted_host_takes_its_deleted_zone_along(api: CloudApi) -> None:
    zone_id = await api.made("/v1/zones", {"name": "z1"})
    host_id = await api.add_host(zone=zone_id)
    await api.do("DELETE", f"/v1/zones/{zone_id}")
    await api.run("DELETE", f"{PATH}/{host_id}")
    await api.refused("GET", f"/v1/zones/{zone_id}", code="AvailabilityZoneNotFound", status=404)


async def test_a_hosts_tasks_are_listed(api: CloudApi) -> None:
    host_id = await api.ready_host()
    tasks = await api.items(f"{PATH}/{host_id}/tasks")
    assert [task["operation"] for task in tasks] == ["CREATE_HOST", "PROVISION_HOST"]
    assert await api.items(f"{PATH}/{host_id}/tasks?state=error") == []


@pytest.mark.parametrize("path", ["", "/tasks", "/vms"])
async def test_an_unknown_host_is_not_found(api: CloudApi, path: str) -> None:
    await api.refused("GET", f"{PATH}/nobody{path}", code="HostNotFound", status=404)
