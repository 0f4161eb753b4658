"""What every driver must do: one suite, run against real QEMU and against the simulated hosts.

A driver's own test file makes a `Rig` in a fixture called `rig`, and subclasses:

    class TestQemuKeepsTheContract(DriverContract): ...

Every test gets a rig with an open driver that holds nothing. `DriverContract` needs no guest whose
operating system runs, so a rig may offer an image that boots nothing; `LiveGuestContract` wants a
guest that came up (`Rig.up`), and is where a real guest's cooperation is needed.
"""

from __future__ import annotations

import asyncio

import pytest

from photon.domain.guest import (
    AgentRefusal,
    Guest,
    GuestDisk,
    GuestNic,
    GuestState,
    PowerOp,
)
from tests.drivers.arrange import (
    CHANGE_SECONDS,
    Rig,
    a_disk,
    a_guest,
    a_spec,
    read_until,
    refused,
)


class DriverContract:
    async def test_a_host_says_what_it_has(self, rig: Rig) -> None:
        capacity = await rig.driver.capacity()
        assert capacity.cpus >= 1
        assert capacity.memory_mib > 0
        assert capacity.hypervisor
        assert capacity.datastores
        for store in capacity.datastores:
            assert 0 <= store.free_gib <= store.capacity_gib

    async def test_a_new_guest_is_stopped_and_as_its_spec_says(self, rig: Rig) -> None:
        await rig.driver.fetch_image(rig.image)
        spec = await a_spec(rig, extra_gib=2)
        guest = await rig.driver.create_vm(spec)
        assert guest == Guest(
            vm_id=spec.vm_id,
            name=spec.name,
            state=GuestState.STOPPED,
            cpus=spec.cpus,
            memory_mib=spec.memory_mib,
            datastore_id=spec.datastore_id,
            disks=spec.disks,
        )
        assert await rig.driver.guests() == [guest]
        assert await rig.driver.guest(spec.vm_id) == guest

    async def test_creating_twice_is_creating_once(self, rig: Rig) -> None:
        await rig.driver.fetch_image(rig.image)
        spec = await a_spec(rig)
        first = await rig.driver.create_vm(spec)
        assert await rig.driver.create_vm(spec) == first
        assert await rig.driver.guests() == [first]

    async def test_a_guest_needs_its_image_on_the_host(self, rig: Rig) -> None:
        spec = await a_spec(rig)
        with refused(AgentRefusal.IMAGE_UNAVAILABLE):
            await rig.driver.create_vm(spec)
        assert await rig.driver.guests() == []

    async def test_a_guest_needs_a_datastore_that_is_there(self, rig: Rig) -> None:
        await rig.driver.fetch_image(rig.image)
        spec = await a_spec(rig)
        elsewhere = type(spec)(
            vm_id=spec.vm_id,
            name=spec.name,
            cpus=1,
            memory_mib=spec.memory_mib,
            datastore_id="no-such-datastore",
            image=spec.image,
            disks=(GuestDisk(id=rig.new_id(), capacity_gib=1, boot=True),),
        )
        with refused(AgentRefusal.DATASTORE_NOT_FOUND):
            await rig.driver.create_vm(elsewhere)
        assert await rig.driver.guest(spec.vm_id) is None

    async def test_a_guest_needs_networks_that_are_there(self, rig: Rig) -> None:
        await rig.driver.fetch_image(rig.image)
        nic = GuestNic(network="no such port group", mac_address="52:54:00:00:00:01")
        with refused(AgentRefusal.NETWORK_NOT_FOUND):
            await rig.driver.create_vm(await a_spec(rig, nics=(nic,)))
        assert await rig.driver.guests() == []

    async def test_a_guest_that_is_gone_can_be_deleted_again(self, rig: Rig) -> None:
        guest = await a_guest(rig)
        await rig.driver.delete_vm(guest.vm_id)
        await rig.driver.delete_vm(guest.vm_id)
        assert await rig.driver.guest(guest.vm_id) is None
        assert await rig.driver.guests() == []

    async def test_a_running_guest_can_be_deleted(self, rig: Rig) -> None:
        guest = await a_guest(rig, PowerOp.START)
        await rig.driver.delete_vm(guest.vm_id)
        assert await rig.driver.guests() == []

    @pytest.mark.parametrize(
        ("before", "op", "state"),
        [
            ((), PowerOp.START, GuestState.STARTED),
            ((), PowerOp.STOP, GuestState.STOPPED),
            ((), PowerOp.RESUME, GuestState.STARTED),
            ((PowerOp.START,), PowerOp.START, GuestState.STARTED),
            ((PowerOp.START,), PowerOp.STOP, GuestState.STOPPED),
            ((PowerOp.START,), PowerOp.RESTART, GuestState.STARTED),
            ((PowerOp.START,), PowerOp.SUSPEND, GuestState.SUSPENDED),
            ((PowerOp.START,), PowerOp.RESUME, GuestState.STARTED),
            ((PowerOp.START, PowerOp.SUSPEND), PowerOp.START, GuestState.STARTED),
            ((PowerOp.START, PowerOp.SUSPEND), PowerOp.STOP, GuestState.STOPPED),
            ((PowerOp.START, PowerOp.SUSPEND), PowerOp.SUSPEND, GuestState.SUSPENDED),
            ((PowerOp.START, PowerOp.SUSPEND), PowerOp.RESUME, GuestState.STARTED),
        ],
    )
    async def test_power_goes_as_the_table_says(
        self, rig: Rig, before: tuple[PowerOp, ...], op: PowerOp, state: GuestState
    ) -> None:
        guest = await a_guest(rig, *before)
        after = await rig.driver.power(guest.vm_id, op)
        assert after.state is state
        assert await rig.driver.guest(guest.vm_id) == after

    @pytest.mark.parametrize(
        ("before", "op"),
        [
            ((), PowerOp.RESTART),
            ((), PowerOp.SUSPEND),
            ((PowerOp.START, PowerOp.SUSPEND), PowerOp.RESTART),
        ],
    )
    async def test_power_is_refused_in_the_wrong_state(
        self, rig: Rig, before: tuple[PowerOp, ...], op: PowerOp
    ) -> None:
        guest = await a_guest(rig, *before)
        with refused(AgentRefusal.WRONG_POWER_STATE):
            await rig.driver.power(guest.vm_id, op)
        assert await rig.driver.guest(guest.vm_id) == guest

    async def test_what_is_asked_of_no_guest_is_refused(self, rig: Rig) -> None:
        nobody, disk_id = rig.new_id(), await a_disk(rig)
        with refused(AgentRefusal.VM_NOT_FOUND):
            await rig.driver.power(nobody, PowerOp.START)
        with refused(AgentRefusal.VM_NOT_FOUND):
            await rig.driver.networks(nobody)
        with refused(AgentRefusal.VM_NOT_FOUND):
            await rig.driver.open_serial(nobody)
        with refused(AgentRefusal.VM_NOT_FOUND):
            await rig.driver.open_vnc(nobody)
        with refused(AgentRefusal.VM_NOT_FOUND):
            await rig.driver.attach_disk(nobody, disk_id)
        with refused(AgentRefusal.VM_NOT_FOUND):
            await rig.driver.capture(nobody, rig.new_id())

    async def test_a_guest_that_died_is_told_of_and_stopped(self, rig: Rig) -> None:
        guest = await a_guest(rig, PowerOp.START)
        await rig.kill_guest(guest.vm_id)
        await rig.changes.of(guest.vm_id)
        seen = await rig.driver.guest(guest.vm_id)
        assert seen is not None
        assert seen.state is GuestState.STOPPED
        assert (await rig.driver.power(guest.vm_id, PowerOp.START)).state is GuestState.STARTED

    async def test_a_disk_is_made_once_and_deleted_once(self, rig: Rig) -> None:
        [store, *_] = (await rig.driver.capacity()).datastores
        disk = GuestDisk(id=rig.new_id(), capacity_gib=3, persistent=True, datastore_id=store.id)
        made = await rig.driver.create_disk(disk)
        assert (made.capacity_gib, made.datastore_id, made.attached_vm_id) == (3, store.id, "")
        assert await rig.driver.create_disk(disk) == made
        assert await rig.driver.disks() == [made]
        await rig.driver.delete_disk(disk.id)
        await rig.driver.delete_disk(disk.id)
        assert await rig.driver.disks() == []

    async def test_a_disk_needs_a_datastore_that_is_there(self, rig: Rig) -> None:
        with refused(AgentRefusal.DATASTORE_NOT_FOUND):
            await rig.driver.create_disk(
                GuestDisk(id=rig.new_id(), capacity_gib=1, persistent=True, datastore_id="nowhere")
            )
        assert await rig.driver.disks() == []

    async def test_a_disk_is_attached_to_a_stopped_guest_and_detached(self, rig: Rig) -> None:
        guest, disk_id = await a_guest(rig), await a_disk(rig)
        with_disk = await rig.driver.attach_disk(guest.vm_id, disk_id)
        assert [disk.id for disk in with_disk.disks if disk.persistent] == [disk_id]
        assert await rig.driver.attach_disk(guest.vm_id, disk_id) == with_disk
        assert [disk.attached_vm_id for disk in await rig.driver.disks()] == [guest.vm_id]

        assert await rig.driver.detach_disk(guest.vm_id, disk_id) == guest
        assert await rig.driver.detach_disk(guest.vm_id, disk_id) == guest
        assert [disk.attached_vm_id for disk in await rig.driver.disks()] == [""]

    async def test_a_disk_is_attached_to_one_guest_only(self, rig: Rig) -> None:
        mine, other, disk_id = await a_guest(rig), await a_guest(rig), await a_disk(rig)
        await rig.driver.attach_disk(mine.vm_id, disk_id)
        with refused(AgentRefusal.DISK_ATTACHED):
            await rig.driver.attach_disk(other.vm_id, disk_id)
        with refused(AgentRefusal.DISK_NOT_ATTACHED):
            await rig.driver.detach_disk(other.vm_id, disk_id)
        with refused(AgentRefusal.DISK_ATTACHED):
            await rig.driver.delete_disk(disk_id)

    async def test_a_disk_that_is_not_there_is_refused(self, rig: Rig) -> None:
        guest = await a_guest(rig)
        with refused(AgentRefusal.DISK_NOT_FOUND):
            await rig.driver.attach_disk(guest.vm_id, rig.new_id())
        with refused(AgentRefusal.DISK_NOT_FOUND):
            await rig.driver.detach_disk(guest.vm_id, rig.new_id())

    async def test_a_suspended_guest_keeps_its_disks_as_they_are(self, rig: Rig) -> None:
        guest, fixed, loose = await a_guest(rig), await a_disk(rig), await a_disk(rig)
        await rig.driver.attach_disk(guest.vm_id, fixed)
        await rig.driver.power(guest.vm_id, PowerOp.START)
        await rig.driver.power(guest.vm_id, PowerOp.SUSPEND)
        with refused(AgentRefusal.WRONG_POWER_STATE):
            await rig.driver.attach_disk(guest.vm_id, loose)
        with refused(AgentRefusal.WRONG_POWER_STATE):
            await rig.driver.detach_disk(guest.vm_id, fixed)

    async def test_persistent_disks_outlive_their_guest(self, rig: Rig) -> None:
        guest, disk_id = await a_guest(rig), await a_disk(rig)
        await rig.driver.attach_disk(guest.vm_id, disk_id)
        await rig.driver.delete_vm(guest.vm_id)
        [disk] = await rig.driver.disks()
        assert (disk.disk_id, disk.attached_vm_id) == (disk_id, "")

    async def test_a_guest_takes_so_many_disks_and_no_more(self, rig: Rig) -> None:
        guest = await a_guest(rig)
        with refused(AgentRefusal.TOO_MANY_DISKS):
            for _ in range(100):
                await rig.driver.attach_disk(guest.vm_id, await a_disk(rig))
        assert (await rig.driver.power(guest.vm_id, PowerOp.START)).state is GuestState.STARTED

    async def test_an_image_is_fetched_once_and_deleted_once(self, rig: Rig) -> None:
        checksum = rig.image.checksum
        assert not await rig.driver.has_image(checksum)
        await asyncio.gather(*(rig.driver.fetch_image(rig.image) for _ in range(3)))
        assert await rig.driver.has_image(checksum)
        assert await rig.driver.images() == [checksum]
        await rig.driver.delete_image(checksum)
        await rig.driver.delete_image(checksum)
        assert await rig.driver.images() == []

    async def test_an_image_that_a_guest_uses_stays(self, rig: Rig) -> None:
        guest = await a_guest(rig)
        with refused(AgentRefusal.IMAGE_IN_USE):
            await rig.driver.delete_image(rig.image.checksum)
        await rig.driver.delete_vm(guest.vm_id)
        await rig.driver.delete_image(rig.image.checksum)

    async def test_a_running_guest_is_not_captured(self, rig: Rig) -> None:
        guest = await a_guest(rig, PowerOp.START)
        with refused(AgentRefusal.NOT_POWERED_OFF):
            await rig.driver.capture(guest.vm_id, rig.new_id())

    async def test_a_capture_is_made_once_and_dropped_once(self, rig: Rig) -> None:
        guest, image_id = await a_guest(rig), rig.new_id()
        made = await rig.driver.capture(guest.vm_id, image_id)
        assert len(made.checksum) == 64
        assert made.virtual_size_bytes == 1 << 30
        assert made.file_size_bytes > 0
        assert await rig.driver.capture(guest.vm_id, image_id) == made
        assert await rig.driver.capture_path(image_id)
        await rig.driver.drop_capture(image_id)
        await rig.driver.drop_capture(image_id)
        with refused(AgentRefusal.IMAGE_UNAVAILABLE):
            await rig.driver.capture_path(image_id)

    async def test_only_running_guests_have_consoles(self, rig: Rig) -> None:
        guest = await a_guest(rig)
        with refused(AgentRefusal.TICKET_UNAVAILABLE):
            await rig.driver.open_serial(guest.vm_id)
        with refused(AgentRefusal.TICKET_UNAVAILABLE):
            await rig.driver.open_vnc(guest.vm_id)

    async def test_a_screen_speaks_first_and_says_its_protocol(self, rig: Rig) -> None:
        guest = await a_guest(rig, PowerOp.START)
        console = await rig.driver.open_vnc(guest.vm_id)
        async with asyncio.timeout(CHANGE_SECONDS):
            assert (await read_until(console, b"\n")).startswith(b"RFB ")
        await console.close()

    async def test_all_is_found_again_after_the_agent_died(self, rig: Rig) -> None:
        running = await a_guest(rig, PowerOp.START)
        paused = await a_guest(rig, PowerOp.START, PowerOp.SUSPEND)
        stopped, disk_id = await a_guest(rig), await a_disk(rig)
        stopped = await rig.driver.attach_disk(stopped.vm_id, disk_id)
        capacity = await rig.driver.capacity()

        driver = await rig.reopen()
        assert {guest.vm_id: guest for guest in await driver.guests()} == {
            guest.vm_id: guest for guest in (running, paused, stopped)
        }
        assert [disk.attached_vm_id for disk in await driver.disks()] == [stopped.vm_id]
        assert await driver.images() == [rig.image.checksum]
        assert [store.id for store in (await driver.capacity()).datastores] == [
            store.id for store in capacity.datastores
        ]
        assert (await driver.power(paused.vm_id, PowerOp.RESUME)).state is GuestState.STARTED
        assert (await driver.power(running.vm_id, PowerOp.STOP)).state is GuestState.STOPPED

    async def test_a_guest_that_dies_after_the_agent_is_told_of(self, rig: Rig) -> None:
        guest = await a_guest(rig, PowerOp.START)
        await rig.reopen()
        await rig.kill_guest(guest.vm_id)
        await rig.changes.of(guest.vm_id)
        seen = await rig.driver.guest(guest.vm_id)
        assert seen is not None
        assert seen.state is GuestState.STOPPED


class LiveGuestContract:
    """What needs a guest whose operating system runs; `vm_id` is one that is up already.

    The tests share the guest, and each leaves it running as it found it.
    """

    async def test_a_disk_comes_and_goes_while_the_guest_runs(self, rig: Rig, vm_id: str) -> None:
        disk_id = await a_disk(rig)
        with_disk = await rig.driver.attach_disk(vm_id, disk_id)
        assert disk_id in [disk.id for disk in with_disk.disks]
        assert await rig.driver.attach_disk(vm_id, disk_id) == with_disk
        without = await rig.driver.detach_disk(vm_id, disk_id)
        assert disk_id not in [disk.id for disk in without.disks]
        await rig.driver.delete_disk(disk_id)

    async def test_the_serial_line_says_what_was_said_before(self, rig: Rig, vm_id: str) -> None:
        console = await rig.driver.open_serial(vm_id)
        async with asyncio.timeout(CHANGE_SECONDS):
            assert await console.read()
        await console.close()

    async def test_a_guest_that_powers_itself_off_is_stopped(self, rig: Rig, vm_id: str) -> None:
        await rig.power_off_from_inside(vm_id)
        await rig.changes.of(vm_id)
        seen = await rig.driver.guest(vm_id)
        assert seen is not None
        assert seen.state is GuestState.STOPPED
        # The guest is for the tests after this one too.
        await rig.driver.power(vm_id, PowerOp.START)
        await rig.up(vm_id)
