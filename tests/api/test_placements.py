"""Why a VM is where it is, as the task that made it remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.domain.image import Image, ReplicationType
from photon.domain.kinds import EntityKind
from photon.domain.readiness import Readiness
from photon.domain.task import Task, TaskState
from photon.store.nouns import IMAGES, TASKS
from photon.store.protocol import Insert
from tests.api.cloud_rig import CloudApi

IMAGE = Image(
    "image-1",
    "image",
    ReplicationType.ON_DEMAND,
    Readiness.READY,
    size_bytes=1 << 20,
    file_size_bytes=1 << 18,
    checksum="c" * 64,
)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path)
    await made.open()
    await made.store.commit([Insert(IMAGES, IMAGE)])
    yield made
    await made.close()


async def test_a_placement_tells_what_was_seen_and_chosen(api: CloudApi) -> None:
    for number in (1, 2, 3):
        await api.ready_host(number)
    vm_id = await api.a_vm(await api.a_project(), IMAGE.id)
    vm = await api.get(f"/v1/vms/{vm_id}")
    why = await api.get(f"/v1/vms/{vm_id}/placement")
    assert (why["vmId"], why["host"], why["datastore"]) == (vm_id, vm["host"], vm["datastore"])
    assert why["refusals"] == []
    leaf = why["levels"][-1]
    assert (leaf["seen"], leaf["fitting"]) == (3, 3)
    assert sum(leaf["parts"].values()) == pytest.approx(leaf["score"])


async def test_a_task_with_a_lower_id_does_not_hide_the_one_that_placed(api: CloudApi) -> None:
    """Ids tell time by clocks, and that of the controller that made the VM may be fast."""
    await api.ready_host(1)
    vm_id = await api.a_vm(await api.a_project(), IMAGE.id)
    later = Task(
        "00000000-0000-7000-8000-000000000001",
        "START_VM",
        EntityKind.VM,
        vm_id,
        queued_ms=1,
        state=TaskState.COMPLETED,
    )
    await api.store.commit([Insert(TASKS, later)])
    why = await api.get(f"/v1/vms/{vm_id}/placement")
    assert why["host"] == (await api.get(f"/v1/vms/{vm_id}"))["host"]


async def test_a_vm_that_never_was_placed_has_none(api: CloudApi) -> None:
    await api.ready_host(1)
    project = await api.a_project()
    await api.a_vm(project, IMAGE.id)
    huge = {
        "name": "huge",
        "kind": "vm",
        "cost": [
            {"key": "vm.cpu", "value": 100_000, "unit": "COUNT"},
            {"key": "vm.memory", "value": 1, "unit": "GB"},
        ],
    }
    await api.made("/v1/flavors", huge)
    boot = {"name": "boot", "flavor": "plain", "kind": "ephemeral-disk", "bootDisk": True}
    subnets = [subnet["id"] for subnet in await api.items("/v1/subnets")]
    spec = {"name": "vm", "flavor": "huge", "sourceImageId": IMAGE.id, "attachedDisks": [boot]}
    task = await api.run("POST", f"/v1/projects/{project}/vms", {**spec, "subnets": subnets})
    assert task.state == "ERROR"
    answer = await api.ask("GET", f"/v1/vms/{task.entity_id}/placement")
    assert answer.status_code == 404
    assert answer.json()["code"] == "NotFound"


async def test_an_unknown_vm_is_not_found(api: CloudApi) -> None:
    answer = await api.ask("GET", "/v1/vms/nobody/placement")
    assert answer.json()["code"] == "VmNotFound"
