"""Store and hosts are brought together, whatever came between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from photon.agent_client.errors import AgentUnreachable
from photon.domain.disk import DiskState, PersistentDisk
from photon.domain.guest import AgentRefusal, GuestDisk, HostReport, PowerOp, Refusal
from photon.domain.host import Host
from photon.domain.kinds import EntityKind
from photon.domain.missing_host import MissingHost
from photon.domain.orphan import ORPHAN_GRACE_SECONDS, Orphan
from photon.domain.vm import Vm, VmState
from photon.reconcilers.guest_watch import AUDIT_SECONDS, GuestWatch
from photon.reconcilers.orphans import ORPHANS_A_HOST_MAX, Orphans
from photon.store.nouns import DISKS, HOSTS, MISSING_HOSTS, ORPHANS, VMS
from photon.store.protocol import Delete, Insert, Update
from tests.agent.conftest import a_spec
from tests.tasks.building import Client, build_disk, build_site, build_vm
from tests.tasks.roads import Faults, faulty
from tests.tasks.world import EMPTY, World


@dataclass
class Drift:
    """A world with a VM and a disk on one host, and no controller."""

    world: World
    faults: Faults
    watch: GuestWatch

    async def vm(self) -> Vm:
        vm = await self.world.store.find(VMS, self.world.names["vm"])
        assert vm is not None
        return vm

    async def disk(self) -> PersistentDisk:
        disk = await self.world.store.find(DISKS, self.world.names["disk"])
        assert disk is not None
        return disk

    @property
    def address(self) -> str:
        return "sim-00001" if self._on_first else "sim-00002"

    @property
    def _on_first(self) -> bool:
        driver = self.world.simulation.drivers["sim-00001"]
        return self.world.names["vm"] in driver._guests

    async def pass_grace(self) -> None:
        await self.watch.audit_all()
        self.world.clock.seconds += ORPHAN_GRACE_SECONDS + 1
        await self.watch.audit_all()

    async def lock(self, vm: Vm, task_id: str | None) -> None:
        await self.world.store.commit([Update(VMS, msgspec.structs.replace(vm, task_id=task_id))])


@pytest.fixture
async def drift(tmp_path: Path) -> AsyncIterator[Drift]:
    world = World(tmp_path / "world", EMPTY)
    await world.open(hosts=2)
    life = await world.live()
    client = Client(life)
    for builder in (build_site, build_vm, build_disk):
        await builder(world, client)
    await client.close()
    await life.end()
    faults, world.agents = faulty(world.agents)
    yield Drift(world, faults, GuestWatch(world.store, world.agents, world.clock))
    await world.close()


async def test_a_vm_has_the_state_of_its_guest(drift: Drift) -> None:
    driver = drift.world.simulation.drivers[drift.address]
    await driver.power(drift.world.names["vm"], PowerOp.START)
    await drift.watch.audit_all()
    assert (await drift.vm()).state is VmState.STARTED
    driver.die(drift.world.names["vm"])
    await drift.watch.audit_all()
    vm = await drift.vm()
    assert vm.state is VmState.STOPPED, "a guest that crashed is there, and can be started"
    assert vm.state_reason is not None
    assert "ended" in vm.state_reason


async def test_a_vm_on_which_a_task_works_is_left_alone(drift: Drift) -> None:
    await drift.lock(await drift.vm(), "some-task")
    await drift.world.simulation.drivers[drift.address].delete_vm(drift.world.names["vm"])
    await drift.watch.audit_all()
    assert (await drift.vm()).state is VmState.STOPPED


async def test_a_vm_whose_guest_is_lost_is_an_error_until_the_guest_is_back(drift: Drift) -> None:
    driver, vm_id = drift.world.simulation.drivers[drift.address], drift.world.names["vm"]
    address, guest = drift.address, driver._guests.pop(vm_id)
    await drift.watch.audit_all()
    vm = await drift.vm()
    assert vm.state is VmState.ERROR
    assert vm.state_reason is not None
    assert f"not on host {address} any more" in vm.state_reason
    driver._guests[vm_id] = guest
    await drift.watch.audit_all()
    vm = await drift.vm()
    assert (vm.state, vm.state_reason) == (VmState.STOPPED, None), "as when a disk is mounted late"


class Onlooker(GuestWatch):
    """Writes down which hosts it is to audit."""

    def __init__(self, world: World) -> None:
        super().__init__(world.store, world.agents, world.clock, audited_at_once=1)
        self.looked: list[str] = []

    async def audit(self, host: Host, *, sweeping: bool) -> bool:
        self.looked.append(host.id)
        return True


async def test_the_audit_goes_through_the_hosts_page_by_page_and_then_rests(drift: Drift) -> None:
    watch = Onlooker(drift.world)
    hosts = [host.id for host in (await drift.world.store.page(HOSTS, {}, limit=10)).items]
    assert len(hosts) == 2
    await watch.audit_next()
    assert watch.looked == hosts[:1]
    await watch.audit_next()
    assert watch.looked == hosts
    await watch.audit_next()
    assert watch.looked == hosts, "the pass is over"
    drift.world.clock.seconds += AUDIT_SECONDS
    await watch.audit_next()
    assert watch.looked == [*hosts, hosts[0]]


async def test_a_difference_in_a_report_is_looked_at_again(drift: Drift) -> None:
    driver, vm_id = drift.world.simulation.drivers[drift.address], drift.world.names["vm"]
    await driver.power(vm_id, PowerOp.START)
    [host] = (await drift.world.store.page(HOSTS, {"address": drift.address}, limit=1)).items
    report: HostReport = await drift.world.simulation.hosts.by_address[drift.address].report_all()
    await drift.watch.observe(report)
    assert (await drift.vm()).state is VmState.STOPPED, "a first look changes nothing"
    await drift.watch.look_again()
    assert (await drift.vm()).state is VmState.STARTED
    assert report.host_id == host.id


async def test_an_orphan_is_removed_after_its_grace_and_not_before(drift: Drift) -> None:
    host = drift.world.simulation.hosts.by_address["sim-00002"]
    store_id = "sim-00002-datastore"
    boot = (GuestDisk("orphans-boot", 1, boot=True, datastore_id=store_id),)
    await host.create_vm(1, a_spec("orphan", datastore_id=store_id, disks=boot))
    lone = GuestDisk("orphan-disk", 2, persistent=True, datastore_id=store_id)
    await host.create_disk(1, lone)
    await drift.watch.audit_all()
    seen = (await drift.world.store.page(ORPHANS, {}, limit=9)).items
    assert {(orphan.kind, orphan.thing_id, orphan.why) for orphan in seen} == {
        (EntityKind.VM, "orphan", "there is no such VM"),
        (EntityKind.PERSISTENT_DISK, "orphan-disk", "there is no such disk"),
    }
    drift.world.clock.seconds += ORPHAN_GRACE_SECONDS / 2
    await drift.watch.audit_all()
    inventory = await host.inventory()
    assert "orphan" in {guest.vm_id for guest in inventory.guests}
    drift.world.clock.seconds += ORPHAN_GRACE_SECONDS
    await drift.watch.audit_all()
    inventory = await host.inventory()
    assert "orphan" not in {guest.vm_id for guest in inventory.guests}
    assert "orphan-disk" not in {disk.disk_id for disk in inventory.disks}
    assert await drift.world.audit() == []
    assert await drift.world.store.count(ORPHANS, {}) == 0


async def test_an_orphan_disk_is_taken_from_its_guest_and_holds_up_no_other(drift: Drift) -> None:
    """A restored store knows the guest, perhaps, and no such disk; the disk comes before others."""
    host = drift.world.simulation.hosts.by_address[drift.address]
    vm_id, store_id = drift.world.names["vm"], (await host.inventory()).capacity.datastores[0].id
    for name in ("at-an-orphan", "attached", "lone"):
        disk = GuestDisk(name, 1, persistent=True, datastore_id=store_id)
        await host.create_disk(1, disk)
    boot = (GuestDisk("orphans-boot", 1, boot=True, datastore_id=store_id),)
    await host.create_vm(1, a_spec("other", datastore_id=store_id, disks=boot))
    await host.attach_disk(1, "other", "at-an-orphan")
    fence = await drift.world.store.revision()
    await host.attach_disk(fence, vm_id, "attached")
    await drift.pass_grace()
    left = {disk.disk_id for disk in (await host.inventory()).disks}
    assert left.isdisjoint({"at-an-orphan", "attached", "lone"})
    assert "other" not in {guest.vm_id for guest in (await host.inventory()).guests}


async def test_grace_goes_by_how_long_the_remover_knows_an_orphan_not_by_what_is_written(
    drift: Drift,
) -> None:
    host = drift.world.simulation.hosts.by_address["sim-00002"]
    [row] = (await drift.world.store.page(HOSTS, {"address": "sim-00002"}, limit=1)).items
    lone = GuestDisk("lone", 2, persistent=True, datastore_id="sim-00002-datastore")
    await host.create_disk(1, lone)
    long_ago = Orphan(
        Orphan.id_of(row.id, "lone"),
        row.id,
        row.address,
        EntityKind.PERSISTENT_DISK,
        "lone",
        "as a backup has it, or a machine whose clock is wrong",
        since_ms=0,
    )
    await drift.world.store.commit([Insert(ORPHANS, long_ago)])
    await drift.watch.audit_all()
    drift.world.clock.seconds += ORPHAN_GRACE_SECONDS - 1
    await drift.watch.audit_all()
    assert "lone" in {disk.disk_id for disk in (await host.inventory()).disks}
    drift.world.clock.seconds += 1
    await drift.watch.audit_all()
    assert "lone" not in {disk.disk_id for disk in (await host.inventory()).disks}


async def test_of_a_vm_on_two_hosts_the_guest_that_the_store_does_not_name_goes(
    drift: Drift,
) -> None:
    """As after a create whose undoing never reached its host."""
    vm_id = drift.world.names["vm"]
    other = "sim-00002" if drift.address == "sim-00001" else "sim-00001"
    host = drift.world.simulation.hosts.by_address[other]
    store_id = f"{other}-datastore"
    boot = (GuestDisk("seconds-boot", 1, boot=True, datastore_id=store_id),)
    await host.create_vm(1, a_spec(vm_id, datastore_id=store_id, disks=boot))
    await drift.watch.audit_all()
    [orphan] = (await drift.world.store.page(ORPHANS, {}, limit=2)).items
    assert (orphan.host_address, orphan.thing_id) == (other, vm_id)
    assert orphan.why == f"its VM is on host {drift.address}"
    await drift.pass_grace()
    assert (await host.inventory()).guests == ()
    assert (await drift.vm()).state is VmState.STOPPED
    assert await drift.world.audit() == []


async def test_a_guest_that_a_task_may_be_making_is_no_orphan(drift: Drift) -> None:
    vm = await drift.vm()
    made = msgspec.structs.replace(vm, host_id=None, task_id="create")
    await drift.world.store.commit([Update(VMS, made)])
    await drift.pass_grace()
    assert await drift.world.store.count(ORPHANS, {}) == 0
    assert (await drift.vm()).id in drift.world.simulation.drivers[drift.address]._guests


async def test_an_orphan_that_finds_its_owner_within_the_grace_is_none_any_more(
    drift: Drift,
) -> None:
    """As when an older backup of the store was put back, and then the right one."""
    vm = await drift.vm()
    await drift.world.store.commit([Delete(VMS, vm.id)])
    await drift.watch.audit_all()
    assert await drift.world.store.count(ORPHANS, {}) == 1
    await drift.world.store.commit([Insert(VMS, msgspec.structs.replace(vm, generation=0))])
    drift.world.clock.seconds += ORPHAN_GRACE_SECONDS + 1
    await drift.watch.audit_all()
    assert await drift.world.store.count(ORPHANS, {}) == 0
    assert vm.id in drift.world.simulation.drivers[drift.address]._guests


async def test_only_the_duty_that_can_be_paused_removes_orphans(drift: Drift) -> None:
    """So that an operator who put back a backup can stop it."""
    vm = await drift.vm()
    await drift.world.store.commit([Delete(VMS, vm.id)])
    assert vm.host_id is not None
    for _ in range(2):
        assert await drift.watch.reconcile(vm.host_id)
        drift.world.clock.seconds += ORPHAN_GRACE_SECONDS + 1
    assert vm.id in drift.world.simulation.drivers[drift.address]._guests
    await drift.watch.audit_all()
    assert not any(driver._guests for driver in drift.world.simulation.drivers.values())


async def test_more_orphans_than_are_written_down_at_once_go_one_after_the_other(
    drift: Drift,
) -> None:
    host = drift.world.simulation.hosts.by_address["sim-00002"]
    for number in range(ORPHANS_A_HOST_MAX + 5):
        lone = GuestDisk(f"lone-{number}", 0, persistent=True, datastore_id="sim-00002-datastore")
        await host.create_disk(1, lone)
    await drift.watch.audit_all()
    assert await drift.world.store.count(ORPHANS, {}) == ORPHANS_A_HOST_MAX
    await drift.pass_grace()
    await drift.pass_grace()
    assert (await host.inventory()).disks == ()
    assert await drift.world.store.count(ORPHANS, {}) == 0


async def test_orphans_of_a_host_that_is_gone_are_forgotten(drift: Drift) -> None:
    vm = await drift.vm()
    await drift.world.store.commit([Delete(VMS, vm.id)])
    await drift.watch.audit_all()
    orphans = Orphans(drift.world.store, drift.world.agents, drift.world.clock)
    await orphans.forget_removed()
    assert await drift.world.store.count(ORPHANS, {}) == 1
    assert vm.host_id is not None
    await drift.world.store.commit([Delete(HOSTS, vm.host_id)])
    await orphans.forget_removed()
    assert await drift.world.store.count(ORPHANS, {}) == 0


async def test_hosts_that_are_missing_are_not_called_in_vain(drift: Drift) -> None:
    for host in (await drift.world.store.page(HOSTS, {}, limit=9)).items:
        row = MissingHost(host.id, 0, "nobody is there")
        await drift.world.store.commit([Insert(MISSING_HOSTS, row)])
    drift.faults.calls.clear()
    await drift.watch.audit_all()
    assert drift.faults.calls == []


@pytest.mark.parametrize(
    "problem",
    [
        AgentUnreachable("agent.test", "delete_vm", "nobody is there"),
        Refusal(AgentRefusal.DRIVER_FAILED, "the hypervisor hangs"),
    ],
)
async def test_a_host_that_will_not_part_with_an_orphan_keeps_no_other_from_being_looked_at(
    drift: Drift, problem: Exception
) -> None:
    for number in (1, 2):
        host = drift.world.simulation.hosts.by_address[f"sim-0000{number}"]
        store_id = f"sim-0000{number}-datastore"
        boot = (GuestDisk(f"boot-{number}", 1, boot=True, datastore_id=store_id),)
        await host.create_vm(1, a_spec(f"orphan-{number}", datastore_id=store_id, disks=boot))
    drift.faults.broken["delete_vm"] = [problem]
    await drift.pass_grace()
    names = {g.vm_id for each in await drift.world.inventories() for g in each.guests}
    assert len({name for name in names if name.startswith("orphan")}) == 1
    await drift.pass_grace()
    assert await drift.world.audit() == []


async def test_a_detach_that_nobody_heard_of_is_written_down(drift: Drift) -> None:
    vm_id, disk_id = drift.world.names["vm"], drift.world.names["disk"]
    host = drift.world.simulation.hosts.by_address[drift.address]
    await host.attach_disk(1 << 40, vm_id, disk_id)
    await drift.watch.audit_all()
    disk, vm = await drift.disk(), await drift.vm()
    assert (disk.state, disk.vm_id) == (DiskState.ATTACHED, vm_id)
    assert [each.id for each in vm.persistent_disks] == [disk_id]
    await host.detach_disk(1 << 40, vm_id, disk_id)
    await drift.watch.audit_all()
    disk, vm = await drift.disk(), await drift.vm()
    assert (disk.state, disk.vm_id, vm.persistent_disks) == (DiskState.DETACHED, None, ())
    assert await drift.world.audit() == []


async def test_a_disk_whose_vm_a_task_works_on_is_left_alone(drift: Drift) -> None:
    host = drift.world.simulation.hosts.by_address[drift.address]
    await host.attach_disk(1 << 40, drift.world.names["vm"], drift.world.names["disk"])
    await drift.lock(await drift.vm(), "some-task")
    await drift.watch.audit_all()
    assert (await drift.disk()).state is DiskState.DETACHED


async def test_a_lost_disk_is_an_error_and_off_its_vm(drift: Drift) -> None:
    vm_id, disk_id = drift.world.names["vm"], drift.world.names["disk"]
    host = drift.world.simulation.hosts.by_address[drift.address]
    await host.attach_disk(1 << 40, vm_id, disk_id)
    await drift.watch.audit_all()
    driver = drift.world.simulation.drivers[drift.address]
    await driver.detach_disk(vm_id, disk_id)
    await driver.delete_disk(disk_id)
    await drift.watch.audit_all()
    disk, vm = await drift.disk(), await drift.vm()
    assert (disk.state, disk.vm_id, vm.persistent_disks) == (DiskState.ERROR, None, ())
    assert await drift.world.audit() == []
