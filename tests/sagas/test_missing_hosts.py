"""What can be done with what is on a host that is MISSING, and what the host owes then."""

from __future__ import annotations

import pytest

from photon.agent_client.errors import AgentUnreachable
from photon.domain.debt import Debt, DebtKind
from photon.domain.disk import DiskState
from photon.domain.guest import AgentRefusal, GuestDisk, HostMode, PowerOp, Refusal
from photon.domain.task import Task, TaskState
from photon.domain.vm import VmState
from photon.reconcilers.debts import KEPT_MS, Debts
from photon.reconcilers.guest_watch import GuestWatch
from photon.reconcilers.host_register import HostRegister
from photon.store.nouns import DEBTS, DISKS, HOSTS, MISSING_HOSTS, VMS
from photon.store.protocol import Delete, Insert
from tests.agent.conftest import a_spec
from tests.sagas.cases_missing import lose_host, start, to_maintenance
from tests.sagas.cases_vms import the_only_vm
from tests.sagas.test_vm_failures import Scene, scene
from tests.tasks.building import build_disk, build_vm, host_spec
from tests.tasks.world import World

__all__ = ("scene",)  # a fixture

SILENCE = AgentUnreachable("agent.test", "a call", "nobody is there")
HOSTS_PATH = "/v1/infrastructure/hosts"


@pytest.fixture
async def lost(scene: Scene) -> Scene:
    """A VM that runs, with a persistent disk, on a host that is missing."""
    await build_vm(scene.world, scene.client)
    await build_disk(scene.world, scene.client)
    await scene.attach()
    await start(scene.world, scene.client)
    await lose_host(scene.world)
    scene.faults.calls.clear()
    return scene


async def back(world: World) -> bool:
    """The missing host is steady again; whether it may take VMs."""
    [row] = (await world.store.page(MISSING_HOSTS, {}, limit=2)).items
    watch = GuestWatch(world.store, world.agents, world.clock)
    if not await watch.reconcile(row.id):
        return False
    return bool(await HostRegister(world.store, world.clock).found([row.id]))


async def debts(world: World) -> list[DebtKind]:
    return [debt.kind for debt in (await world.store.page(DEBTS, {}, limit=10)).items]


def codes(task: Task) -> list[str]:
    return [error.code for step in task.steps for error in step.errors]


def warnings(task: Task) -> list[str]:
    return [warning.code for step in task.steps for warning in step.warnings]


def guests(world: World) -> int:
    return sum(len(driver._guests) for driver in world.simulation.drivers.values())


async def test_what_only_the_host_can_do_fails_at_once_and_clearly(lost: Scene) -> None:
    body = {"diskId": lost.world.names["disk"]}
    for verb, more in (
        ("start", None),
        ("stop", None),
        ("restart", None),
        ("suspend", None),
        ("resume", None),
        ("console_ticket", None),
        ("create_image", {"name": "copy", "replicationType": "ON_DEMAND"}),
    ):
        task = await lost.ended("POST", f"/v1/vms/{{vm}}/{verb}", more)
        assert codes(task) == ["InvalidHostState"], verb
    assert lost.faults.calls == [], "no call that would wait for nothing"
    vm = await the_only_vm(lost.world)
    assert (vm.state, vm.task_id) == (VmState.STARTED, None)
    await lost.ended("POST", "/v1/vms/{vm}/detach_disk", body)
    assert codes(await lost.attach()) == ["InvalidHostState"]


async def test_everything_on_it_can_be_deleted_and_is_gone_before_it_takes_anything_new(
    lost: Scene,
) -> None:
    body = {"diskId": lost.world.names["disk"]}
    for method, path, more in (
        ("POST", "/v1/vms/{vm}/detach_disk", body),
        ("DELETE", "/v1/vms/{vm}", None),
        ("DELETE", "/v1/disks/{disk}", None),
    ):
        task = await lost.ended(method, path, more)
        assert (task.state, warnings(task)) == (TaskState.COMPLETED, ["InvalidHostState"])
    assert lost.faults.calls == []
    world = lost.world
    usages = {row.usage for row in await world.store.quota(world.names["project"])}
    assert (await world.store.count(VMS, {}), usages) == (0, {0})
    assert sorted(await debts(world)) == [DebtKind.DETACH, DebtKind.DISK, DebtKind.VM]
    assert guests(world) == 1
    assert await world.audit() == [], "what is owed is no orphan"
    assert await back(world)
    assert (guests(world), await debts(world)) == (0, [])
    assert all(not each.disks for each in await world.inventories())
    assert await world.audit() == []


async def test_a_detached_disk_is_off_its_vm_when_both_are_back(lost: Scene) -> None:
    await lost.ended("POST", "/v1/vms/{vm}/detach_disk", {"diskId": lost.world.names["disk"]})
    assert await back(lost.world)
    vm = await the_only_vm(lost.world)
    assert (vm.state, vm.persistent_disks) == (VmState.STARTED, ())
    [disk] = (await lost.world.store.page(DISKS, {}, limit=2)).items
    assert (disk.state, disk.vm_id) == (DiskState.DETACHED, None)
    assert await lost.world.audit() == []


@pytest.mark.parametrize("problem", [SILENCE, Refusal(AgentRefusal.DRIVER_FAILED, "it hangs")])
async def test_a_host_that_does_not_pay_is_not_back(scene: Scene, problem: Exception) -> None:
    await build_vm(scene.world, scene.client)
    await lose_host(scene.world)
    await scene.ended("DELETE", "/v1/vms/{vm}")
    scene.faults.broken["delete_vm"] = [problem]
    assert not await back(scene.world)
    assert (await debts(scene.world), guests(scene.world)) == ([DebtKind.VM], 1)
    assert await back(scene.world)
    assert (await debts(scene.world), guests(scene.world)) == ([], 0)


async def test_a_guest_that_was_suspended_meanwhile_still_parts_with_its_disk(lost: Scene) -> None:
    """As by a suspend whose answer was lost; it is suspended again afterwards."""
    world = lost.world
    await lost.ended("POST", "/v1/vms/{vm}/detach_disk", {"diskId": world.names["disk"]})
    address = next(name for name, each in world.simulation.drivers.items() if each._guests)
    host = world.simulation.hosts.by_address[address]
    await host.power_vm(await world.store.revision(), world.names["vm"], PowerOp.SUSPEND)
    assert await back(world)
    assert await debts(world) == []
    [disk] = (await world.store.page(DISKS, {}, limit=2)).items
    assert (disk.state, disk.vm_id) == (DiskState.DETACHED, None)
    assert (await the_only_vm(world)).state is VmState.SUSPENDED
    assert await world.audit() == []


async def test_a_suspended_vm_keeps_its_disk_though_its_host_is_missing(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await build_disk(scene.world, scene.client)
    await scene.attach()
    await start(scene.world, scene.client)
    suspended = await scene.ended("POST", "/v1/vms/{vm}/suspend")
    assert suspended.state is TaskState.COMPLETED
    await lose_host(scene.world)
    body = {"diskId": scene.world.names["disk"]}
    task = await scene.ended("POST", "/v1/vms/{vm}/detach_disk", body)
    assert (task.state, codes(task)) == (TaskState.ERROR, ["InvalidVmState"])
    assert await debts(scene.world) == []
    assert await back(scene.world)
    assert await scene.world.audit() == []


async def test_a_debt_that_cannot_be_paid_ever_keeps_no_host_away(lost: Scene) -> None:
    """Then the store says again what the host says."""
    driver = next(d for d in lost.world.simulation.drivers.values() if d._guests)
    await lost.ended("POST", "/v1/vms/{vm}/detach_disk", {"diskId": lost.world.names["disk"]})
    refusal = Refusal(AgentRefusal.DISK_ATTACHED, "it was attached to another meanwhile")
    lost.faults.broken["detach_disk"] = [refusal]
    assert await back(lost.world)
    assert await debts(lost.world) == []
    [disk] = await driver.disks()
    assert disk.attached_vm_id == lost.world.names["vm"]
    await lost.world.settle()
    assert await lost.world.audit() == []


async def test_a_host_that_came_back_as_it_came_to_owe_pays_all_the_same(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await lose_host(scene.world)
    await scene.ended("DELETE", "/v1/vms/{vm}")
    world = scene.world
    await world.store.commit([Delete(MISSING_HOSTS, world.names["lost"])])
    await Debts(world.store, world.agents, world.clock).once()
    assert (await debts(world), guests(world)) == ([], 0)


async def test_debts_wait_while_their_host_is_missing(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await lose_host(scene.world)
    await scene.ended("DELETE", "/v1/vms/{vm}")
    await Debts(scene.world.store, scene.world.agents, scene.world.clock).once()
    assert await debts(scene.world) == [DebtKind.VM]


async def test_a_silent_host_in_maintenance_is_removed_by_one_delete(scene: Scene) -> None:
    """Also when it is declared missing only while it is called."""
    await to_maintenance(scene.world, scene.client)
    scene.faults.broken["deprovision"] = [SILENCE]
    world, slept = scene.world, scene.world.clock.sleep

    async def sleep(seconds: float) -> None:
        if not await world.store.count(MISSING_HOSTS, {}):
            await lose_host(world)
        await slept(seconds)

    world.clock.sleep = sleep  # type: ignore[method-assign] # as the watch would, meanwhile
    task = await scene.ended("DELETE", f"{HOSTS_PATH}/{{host2}}")
    assert task.state is TaskState.COMPLETED
    assert "Should the machine come back" in task.steps[0].warnings[0].message
    assert await world.store.find(HOSTS, world.names["host2"]) is None
    assert await debts(world) == [DebtKind.HOST]


async def test_a_host_that_is_silent_for_a_moment_is_not_removed(scene: Scene) -> None:
    await to_maintenance(scene.world, scene.client)
    scene.faults.broken["deprovision"] = [SILENCE]
    task = await scene.ended("DELETE", f"{HOSTS_PATH}/{{host2}}")
    assert codes(task) == ["HostDeprovisionFailed"]


async def test_a_missing_host_with_persistent_disks_is_not_removed_before_they_are(
    scene: Scene,
) -> None:
    await build_disk(scene.world, scene.client)
    [disk] = (await scene.world.store.page(DISKS, {}, limit=2)).items
    assert disk.host_id is not None
    scene.world.names["host2"] = disk.host_id
    await to_maintenance(scene.world, scene.client)
    await lose_host(scene.world)
    task = await scene.ended("DELETE", f"{HOSTS_PATH}/{{host2}}")
    assert "1 persistent disks" in task.steps[0].errors[0].message
    await scene.ended("DELETE", "/v1/disks/{disk}")
    task = await scene.ended("DELETE", f"{HOSTS_PATH}/{{host2}}")
    assert task.state is TaskState.COMPLETED


async def removed(scene: Scene) -> str:
    """A host that was removed while it was missing, with a guest of a VM that was deleted."""
    await build_vm(scene.world, scene.client)
    await lose_host(scene.world)
    await scene.ended("DELETE", "/v1/vms/{vm}")
    host_id = scene.world.names["host2"] = scene.world.names["lost"]
    await to_maintenance(scene.world, scene.client)
    host = await scene.world.store.find(HOSTS, host_id)
    assert host is not None
    task = await scene.ended("DELETE", f"{HOSTS_PATH}/{{host2}}")
    assert task.state is TaskState.COMPLETED
    return host.address


async def test_a_removed_machine_that_comes_back_is_cleared_and_can_be_added_again(
    scene: Scene,
) -> None:
    address = await removed(scene)
    world = scene.world
    assert guests(world) == 1
    world.names["host2"] = await scene.client.made(HOSTS_PATH, host_spec(address))
    task = await scene.ended("POST", f"{HOSTS_PATH}/{{host2}}/provision")
    assert codes(task) == ["HostProvisionFailed"]
    assert "wait a minute" in task.steps[0].errors[0].message
    await scene.ended("DELETE", f"{HOSTS_PATH}/{{host2}}")
    await Debts(world.store, world.agents, world.clock).once()
    await Debts(world.store, world.agents, world.clock).once()
    assert (guests(world), await debts(world)) == (0, [])
    assert world.simulation.hosts.by_address[address].mode is HostMode.DEPROVISIONED
    world.names["host2"] = await scene.client.made(HOSTS_PATH, host_spec(address))
    task = await scene.ended("POST", f"{HOSTS_PATH}/{{host2}}/provision")
    assert task.state is TaskState.COMPLETED


async def test_a_removed_machine_that_is_away_is_asked_for_a_month(scene: Scene) -> None:
    await removed(scene)
    collector = Debts(scene.world.store, scene.world.agents, scene.world.clock)
    for seconds in (0, KEPT_MS / 1000):
        assert DebtKind.HOST in await debts(scene.world)
        scene.world.clock.seconds += seconds
        scene.faults.broken["inventory"] = [SILENCE]
        await collector.once()
    await collector.once()
    assert await debts(scene.world) == []


async def test_a_disk_that_the_store_knows_is_never_deleted_with_a_removed_machine(
    scene: Scene,
) -> None:
    """As after a backup was restored: its owner was never told that it is lost."""
    address = await removed(scene)
    world = scene.world
    del world.names["vm"]
    await build_disk(world, scene.client)
    host = world.simulation.hosts.by_address[address]
    kept = GuestDisk(world.names["disk"], 5, persistent=True, datastore_id=f"{address}-datastore")
    await world.simulation.drivers[address].create_disk(kept)
    await Debts(world.store, world.agents, world.clock).once()
    assert [disk.disk_id for disk in (await host.inventory()).disks] == [kept.id]
    assert DebtKind.HOST in await debts(world)


async def test_debts_of_a_host_that_was_given_back_are_forgotten(scene: Scene) -> None:
    world = scene.world
    debt = Debt("d", "gone", "gone", "nowhere.test:1", DebtKind.VM, "vm", 0)
    await world.store.commit([Insert(DEBTS, debt)])
    await Debts(world.store, world.agents, world.clock).once()
    assert await debts(world) == []


async def test_an_agent_that_serves_the_host_no_more_has_paid(scene: Scene) -> None:
    """As when its machine was installed anew."""
    await build_vm(scene.world, scene.client)
    await lose_host(scene.world)
    await scene.ended("DELETE", "/v1/vms/{vm}")
    gone = Refusal(AgentRefusal.HOST_NOT_FOUND, "no such host")
    scene.faults.broken["delete_vm"] = [gone]
    collector = Debts(scene.world.store, scene.world.agents, scene.world.clock)
    await collector.collect(scene.world.names["lost"])
    assert await debts(scene.world) == []


async def test_an_orphan_beside_a_debt_keeps_its_grace(scene: Scene) -> None:
    await build_vm(scene.world, scene.client)
    await lose_host(scene.world)
    await scene.ended("DELETE", "/v1/vms/{vm}")
    [lost] = (await scene.world.store.page(HOSTS, {"id": scene.world.names["lost"]}, limit=1)).items
    store_id = f"{lost.address}-datastore"
    boot = (GuestDisk("orphans-boot", 1, boot=True, datastore_id=store_id),)
    host = scene.world.simulation.hosts.by_address[lost.address]
    await host.create_vm(1, a_spec("orphan", datastore_id=store_id, disks=boot))
    assert await back(scene.world)
    assert [guest.vm_id for guest in (await host.inventory()).guests] == ["orphan"]
