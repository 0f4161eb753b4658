"""What becomes of VMs and disks when hosts refuse, are silent, or lost what they had."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from photon.agent.journal import MemoryJournal
from photon.agent_client.errors import AgentUnreachable
from photon.domain.disk import DiskState
from photon.domain.guest import AgentRefusal, Refusal
from photon.domain.task import Task, TaskState
from photon.domain.vm import VmState
from photon.store.nouns import DISKS, TASKS, VMS
from tests.sagas.cases_vms import the_only_vm
from tests.tasks.building import Client, build_disk, build_site, build_vm, vm_spec
from tests.tasks.life import Life
from tests.tasks.roads import Faults, faulty
from tests.tasks.world import EMPTY, Json, World

SILENCE = AgentUnreachable("agent.test", "a call", "nobody is there")


@dataclass
class Scene:
    world: World
    life: Life
    client: Client
    faults: Faults

    async def ended(self, method: str, path: str, body: Json | None = None) -> Task:
        """The task of a request, however it ended."""
        answer = await self.client.ask(method, path.format(**self.world.names), body)
        await self.life.finished()
        task = await self.world.store.find(TASKS, str(answer["id"]))
        assert task is not None
        assert task.ended
        return task

    async def create(self) -> Task:
        return await self.ended("POST", "/v1/projects/{project}/vms", vm_spec(self.world))

    async def attach(self) -> Task:
        body = {"diskId": self.world.names["disk"]}
        return await self.ended("POST", "/v1/vms/{vm}/attach_disk", body)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    world = World(tmp_path / "world", EMPTY)
    await world.open(hosts=2)
    faults, world.agents = faulty(world.agents)
    life = await world.live()
    client = Client(life)
    await build_site(world, client)
    scene = Scene(world, life, client, faults)
    yield scene
    await scene.client.close()
    await scene.life.end()
    await world.close()


async def test_a_create_whose_answer_was_lost_is_unmade(scene: Scene) -> None:
    scene.faults.lost["create_vm"] = 1
    task = await scene.create()
    assert task.state is TaskState.ERROR
    assert (await the_only_vm(scene.world)).state is VmState.ERROR
    assert all(not each.guests for each in await scene.world.inventories())
    assert await scene.world.audit() == []


async def test_a_host_that_refuses_to_unmake_is_asked_again_visibly(scene: Scene) -> None:
    scene.faults.lost["create_vm"] = 1
    refusal = Refusal(AgentRefusal.DRIVER_FAILED, "the hypervisor hangs")
    scene.faults.broken["delete_vm"] = [refusal, refusal, refusal]
    task = await scene.create()
    assert scene.faults.calls.count("delete_vm") == 4
    warnings = [warning.message for step in task.steps for warning in step.warnings]
    assert any("the hypervisor hangs" in warning for warning in warnings)
    assert all(not each.guests for each in await scene.world.inventories())
    assert await scene.world.audit() == []


async def test_what_a_silent_host_made_is_swept_when_it_is_back(scene: Scene) -> None:
    scene.faults.lost["create_vm"] = 1
    scene.faults.broken["delete_vm"] = [SILENCE]
    task = await scene.create()
    assert task.state is TaskState.ERROR
    assert [len(each.guests) for each in await scene.world.inventories()].count(1) == 1
    await scene.world.settle()
    assert all(not each.guests for each in await scene.world.inventories())
    assert await scene.world.audit() == []


async def test_a_vm_whose_creation_failed_can_be_deleted_and_gives_back_its_quota(
    scene: Scene,
) -> None:
    scene.faults.broken["create_vm"] = [SILENCE]
    await scene.create()
    scene.world.names["vm"] = (await the_only_vm(scene.world)).id
    assert (await scene.ended("DELETE", "/v1/vms/{vm}")).state is TaskState.COMPLETED
    assert await scene.world.store.count(VMS, {}) == 0
    usages = [row.usage for row in await scene.world.store.quota(scene.world.names["project"])]
    assert set(usages) == {0}


async def test_a_disk_that_is_on_another_host_is_not_attached_and_both_stay_usable(
    scene: Scene,
) -> None:
    """The undo of an attach that never could be must come to an end."""
    names = scene.world.names
    await build_disk(scene.world, scene.client)
    disk = await scene.world.store.find(DISKS, names["disk"])
    assert disk is not None
    elsewhere = "sim-00001" if disk.host_id == names["host2"] else "sim-00002"
    spec = vm_spec(scene.world) | {"affinities": [{"kind": "host", "id": elsewhere}]}
    names["vm"] = await scene.client.made(f"/v1/projects/{names['project']}/vms", spec)
    task = await scene.attach()
    assert task.state is TaskState.ERROR
    assert [error.code for step in task.steps for error in step.errors] == ["InternalError"]
    assert (await the_only_vm(scene.world)).task_id is None
    assert await scene.world.audit() == []


async def test_attaching_to_a_vm_whose_guest_is_lost_fails_and_ends(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await build_disk(scene.world, scene.client)
    for driver in scene.world.simulation.drivers.values():
        await driver.delete_vm(scene.world.names["vm"])
    assert (await scene.attach()).state is TaskState.ERROR
    assert (await the_only_vm(scene.world)).task_id is None


async def test_an_attach_on_a_host_that_went_silent_ends_and_is_true_afterwards(
    scene: Scene,
) -> None:
    await build_vm(scene.world, scene.client)
    await build_disk(scene.world, scene.client)
    scene.faults.lost["attach_disk"] = 1
    scene.faults.broken["detach_disk"] = [SILENCE]
    assert (await scene.attach()).state is TaskState.ERROR
    assert (await the_only_vm(scene.world)).persistent_disks == ()
    await scene.world.settle()
    [plugged] = (await the_only_vm(scene.world)).persistent_disks
    assert plugged.id == scene.world.names["disk"]
    assert await scene.world.audit() == []


async def test_a_suspended_vm_takes_no_disk_and_is_not_locked_by_trying(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await build_disk(scene.world, scene.client)
    for verb in ("start", "suspend"):
        await scene.ended("POST", f"/v1/vms/{{vm}}/{verb}")
    task = await scene.attach()
    assert [error.code for step in task.steps for error in step.errors] == ["InvalidVmState"]
    vm = await the_only_vm(scene.world)
    assert (vm.state, vm.task_id) == (VmState.SUSPENDED, None)
    assert await scene.world.audit() == []


async def test_a_running_vm_is_not_deleted_and_is_as_it_was(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await scene.ended("POST", "/v1/vms/{vm}/start")
    task = await scene.ended("DELETE", "/v1/vms/{vm}")
    assert [error.code for step in task.steps for error in step.errors] == ["InvalidVmState"]
    vm = await the_only_vm(scene.world)
    assert (vm.state, vm.task_id) == (VmState.STARTED, None)


async def test_vms_and_disks_of_a_host_that_forgot_everything_can_be_deleted(
    scene: Scene,
) -> None:
    """As when its machine was installed anew: else nothing on it could ever be removed."""
    await build_vm(scene.world, scene.client)
    await build_disk(scene.world, scene.client)
    await scene.client.close()
    await scene.life.end()
    scene.world.journal = MemoryJournal()
    await scene.world.start_agents()
    scene.life = await scene.world.live()
    scene.client = Client(scene.life)
    assert (await scene.ended("DELETE", "/v1/vms/{vm}")).state is TaskState.COMPLETED
    assert (await scene.ended("DELETE", "/v1/disks/{disk}")).state is TaskState.COMPLETED
    assert await scene.world.audit() == []


async def test_a_disk_that_its_host_lost_is_an_error_and_can_be_deleted(scene: Scene) -> None:
    await build_disk(scene.world, scene.client)
    for driver in scene.world.simulation.drivers.values():
        await driver.delete_disk(scene.world.names["disk"])
    await scene.world.settle()
    [disk] = (await scene.world.store.page(DISKS, {}, limit=2)).items
    assert disk.state is DiskState.ERROR
    assert (await scene.ended("DELETE", "/v1/disks/{disk}")).state is TaskState.COMPLETED
    assert await scene.world.audit() == []
