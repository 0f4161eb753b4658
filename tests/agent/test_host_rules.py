"""What a control plane can rely on, whatever the driver: ids, fences, admission, modes."""

from __future__ import annotations

import asyncio

import pytest

from photon.agent.fences import TOMBSTONE_MS, TOMBSTONES_MAX
from photon.agent.hosts import Credentials
from photon.agent.journal import NullJournal
from photon.agent.local import LocalAgents
from photon.agent_client.address import HostAddress
from photon.domain.guest import (
    AgentRefusal,
    ConsoleKind,
    GuestDisk,
    GuestNic,
    GuestSpec,
    GuestState,
    HostMode,
    ImageSource,
    PowerOp,
)
from tests.agent.conftest import (
    ENDPOINT,
    STORE,
    HandClock,
    Plane,
    a_disk,
    a_provision,
    a_spec,
    restarted,
    start,
)
from tests.drivers.arrange import refused


async def test_a_guest_lives_and_dies(plane: Plane) -> None:
    agents, host = plane.agents, plane.host
    guest = await agents.create_vm(host, 1, a_spec())
    assert (guest.state, guest.fence, guest.name) == (GuestState.STOPPED, 1, "name-of-vm-1")
    assert (await agents.power_vm(host, 2, "vm-1", PowerOp.START)).state is GuestState.STARTED
    [network] = await agents.vm_networks(host, "vm-1")
    assert network.ip_address == "10.0.0.1"
    assert (await agents.console_ticket(host, "vm-1", ConsoleKind.VNC)).ticket == "vm-1-VNC"
    disk = await agents.create_disk(host, 3, a_disk())
    assert (disk.attached_vm_id, disk.fence) == ("", 3)
    guest = await agents.attach_disk(host, 4, "vm-1", "disk-1")
    assert [held.id for held in guest.disks] == ["boot-of-vm-1", "disk-1"]
    inventory = await agents.inventory(host)
    assert inventory.guests == (guest,)
    assert [held.attached_vm_id for held in inventory.disks] == ["vm-1"]
    assert inventory.image_checksums == ("ab" * 32,)
    assert inventory.capacity.datastores[0].free_gib == 4096 - 3
    with refused(AgentRefusal.NOT_POWERED_OFF):
        await agents.delete_vm(host, 5, "vm-1")
    await agents.delete_vm(host, 5, "vm-1", force=True)
    await agents.delete_disk(host, 6, "disk-1")
    inventory = await agents.inventory(host)
    assert (inventory.guests, inventory.disks) == ((), ())
    assert inventory.capacity.datastores[0].free_gib == 4096
    assert await agents.ping(plane.endpoint)


async def test_an_unknown_host_is_refused(plane: Plane) -> None:
    with refused(AgentRefusal.HOST_NOT_FOUND):
        await plane.agents.create_vm(HostAddress(plane.endpoint, "nobody"), 1, a_spec())
    with refused(AgentRefusal.HOST_NOT_FOUND):
        await plane.agents.inventory(HostAddress(plane.endpoint, "nobody"))


async def test_an_image_is_fetched_before_it_is_needed_and_dropped_after(plane: Plane) -> None:
    image = a_spec().image
    await plane.agents.fetch_image(plane.host, 1, STORE, image)
    await plane.agents.create_vm(plane.host, 1, a_spec())
    with refused(AgentRefusal.IMAGE_IN_USE):
        await plane.agents.delete_image(plane.host, 1, image.checksum)
    await plane.agents.delete_vm(plane.host, 2, "vm-1")
    await plane.agents.delete_image(plane.host, 1, image.checksum)
    with refused(AgentRefusal.DATASTORE_NOT_FOUND):
        await plane.agents.fetch_image(plane.host, 1, "nowhere", image)


async def test_a_stopped_guest_is_captured_and_the_copy_dropped(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    made = await plane.agents.capture_image(plane.host, 2, "vm-1", "image-9")
    assert made.url == "http://127.0.0.1:1/captures/image-9"
    assert made.virtual_size_bytes == 1 << 30
    await plane.agents.drop_capture(plane.host, 2, "image-9")
    await plane.agents.power_vm(plane.host, 3, "vm-1", PowerOp.START)
    with refused(AgentRefusal.NOT_POWERED_OFF):
        await plane.agents.capture_image(plane.host, 4, "vm-1", "image-9")


# Ids


async def test_a_create_that_is_repeated_answers_the_same_guest(plane: Plane) -> None:
    first = await plane.agents.create_vm(plane.host, 1, a_spec())
    again = await plane.agents.create_vm(plane.host, 1, a_spec())
    assert first == again
    assert len((await plane.agents.inventory(plane.host)).guests) == 1


async def test_creates_at_the_same_time_are_one(plane: Plane) -> None:
    guests = await asyncio.gather(
        *(plane.agents.create_vm(plane.host, 1, a_spec()) for _ in range(10))
    )
    assert len(set(guests)) == 1


@pytest.mark.parametrize(
    "other",
    [
        a_spec(cpus=2),
        a_spec(memory_mib=1024),
        a_spec(name="another"),
        a_spec(disks=(GuestDisk("boot-of-vm-1", 2, boot=True, datastore_id=STORE),)),
    ],
)
async def test_another_guest_by_the_same_id_is_refused(local: Plane, other: GuestSpec) -> None:
    await local.agents.create_vm(local.host, 1, a_spec())
    with refused(AgentRefusal.ALREADY_EXISTS):
        await local.agents.create_vm(local.host, 2, other)


async def test_a_repeated_create_does_not_mind_disks_attached_since(local: Plane) -> None:
    await local.agents.create_vm(local.host, 1, a_spec())
    await local.agents.create_disk(local.host, 2, a_disk())
    attached = await local.agents.attach_disk(local.host, 3, "vm-1", "disk-1")
    assert await local.agents.create_vm(local.host, 3, a_spec()) == attached


async def test_another_disk_by_the_same_id_is_refused(local: Plane) -> None:
    await local.agents.create_disk(local.host, 1, a_disk())
    assert (await local.agents.create_disk(local.host, 2, a_disk())).fence == 2
    with refused(AgentRefusal.ALREADY_EXISTS):
        await local.agents.create_disk(local.host, 3, a_disk(gib=3))


# Fences


async def test_a_call_that_was_overtaken_is_refused(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 5, a_spec())
    await plane.agents.power_vm(plane.host, 9, "vm-1", PowerOp.START)
    with refused(AgentRefusal.STALE_FENCE):
        await plane.agents.power_vm(plane.host, 8, "vm-1", PowerOp.STOP)
    with refused(AgentRefusal.STALE_FENCE):
        await plane.agents.delete_vm(plane.host, 8, "vm-1", force=True)
    [guest] = (await plane.agents.inventory(plane.host)).guests
    assert (guest.state, guest.fence) == (GuestState.STARTED, 9)


async def test_the_same_fence_is_not_stale(local: Plane) -> None:
    await local.agents.create_vm(local.host, 5, a_spec())
    await local.agents.power_vm(local.host, 5, "vm-1", PowerOp.START)
    await local.agents.delete_vm(local.host, 5, "vm-1", force=True)


async def test_a_late_create_of_a_deleted_vm_makes_nothing(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 5, a_spec())
    await plane.agents.delete_vm(plane.host, 6, "vm-1")
    for fence in (5, 6):
        with refused(AgentRefusal.STALE_FENCE):
            await plane.agents.create_vm(plane.host, fence, a_spec())
    assert (await plane.agents.create_vm(plane.host, 7, a_spec())).fence == 7


async def test_a_create_that_comes_after_its_own_delete_makes_nothing(local: Plane) -> None:
    await local.agents.delete_vm(local.host, 5, "vm-1")
    with refused(AgentRefusal.STALE_FENCE):
        await local.agents.create_vm(local.host, 5, a_spec())


async def test_a_create_that_failed_may_be_tried_again_with_its_fence(local: Plane) -> None:
    local.driver.faults.creates_to_fail = 1
    with refused(AgentRefusal.DRIVER_FAILED):
        await local.agents.create_vm(local.host, 5, a_spec())
    assert (await local.agents.create_vm(local.host, 5, a_spec())).fence == 5


async def test_a_late_attach_does_not_move_a_disk_back(local: Plane) -> None:
    for vm_id in ("vm-1", "vm-2"):
        await local.agents.create_vm(local.host, 1, a_spec(vm_id))
    await local.agents.create_disk(local.host, 2, a_disk())
    await local.agents.attach_disk(local.host, 10, "vm-2", "disk-1")
    await local.agents.detach_disk(local.host, 11, "vm-2", "disk-1")
    with refused(AgentRefusal.STALE_FENCE):
        await local.agents.attach_disk(local.host, 9, "vm-1", "disk-1")


async def test_fences_and_tombstones_outlive_the_agent(local: Plane) -> None:
    await local.agents.create_vm(local.host, 9, a_spec("vm-1"))
    await local.agents.create_vm(local.host, 3, a_spec("vm-2"))
    await local.agents.delete_vm(local.host, 4, "vm-2")
    again = await restarted(local)
    with refused(AgentRefusal.STALE_FENCE):
        await again.agents.power_vm(again.host, 8, "vm-1", PowerOp.START)
    with refused(AgentRefusal.STALE_FENCE):
        await again.agents.create_vm(again.host, 4, a_spec("vm-2"))


async def test_a_guest_that_vanished_while_the_agent_was_dead_counts_as_deleted(
    local: Plane,
) -> None:
    await local.agents.create_vm(local.host, 9, a_spec())
    await local.driver.delete_vm("vm-1")  # What a kill between the two leaves behind.
    again = await restarted(local)
    with refused(AgentRefusal.STALE_FENCE):
        await again.agents.create_vm(again.host, 9, a_spec())
    assert (await again.agents.create_vm(again.host, 10, a_spec())).fence == 10


async def test_tombstones_are_bounded_in_number_and_time(local: Plane) -> None:
    for number in range(TOMBSTONES_MAX + 10):
        await local.agents.delete_vm(local.host, 5, f"vm-{number}")
    graves = [key for key in local.journal.items() if "/tombstone/" in key]
    assert len(graves) == TOMBSTONES_MAX
    await local.agents.create_vm(local.host, 5, a_spec("vm-0"))  # Forgotten: the oldest.
    local.clock.seconds += TOMBSTONE_MS / 1000 + 1
    await local.agents.create_vm(local.host, 5, a_spec("vm-265"))
    await local.agents.delete_vm(local.host, 6, "vm-265")
    assert len([key for key in local.journal.items() if "/tombstone/" in key]) == 1


# Admission


async def test_a_host_takes_what_it_has_and_no_more(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec("vm-1", cpus=60))
    with refused(AgentRefusal.NOT_ENOUGH_CPU):
        await plane.agents.create_vm(plane.host, 1, a_spec("vm-2", cpus=5))
    with refused(AgentRefusal.NOT_ENOUGH_MEMORY):
        await plane.agents.create_vm(plane.host, 1, a_spec("vm-2", memory_mib=256 << 10))
    big = (GuestDisk("boot", 4096, boot=True, datastore_id=STORE),)
    with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
        await plane.agents.create_vm(plane.host, 1, a_spec("vm-2", disks=big))
    with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
        await plane.agents.create_disk(plane.host, 1, a_disk(gib=4096))
    await plane.agents.create_vm(plane.host, 1, a_spec("vm-2", cpus=4))


async def test_overcommit_multiplies_what_there_is(local: Plane) -> None:
    request = a_provision(cpu_overcommit=2.0, memory_overcommit=1.5)
    await local.agents.provision(local.endpoint, request)
    await local.agents.create_vm(local.host, 1, a_spec("vm-1", cpus=128, memory_mib=384 << 10))
    with refused(AgentRefusal.NOT_ENOUGH_CPU):
        await local.agents.create_vm(local.host, 1, a_spec("vm-2"))


async def test_only_allowed_datastores_are_used(local: Plane) -> None:
    await local.agents.provision(local.endpoint, a_provision(allowed_datastores=("other",)))
    with refused(AgentRefusal.DATASTORE_NOT_FOUND):
        await local.agents.create_vm(local.host, 1, a_spec())
    assert (await local.agents.inventory(local.host)).capacity.datastores == ()


async def test_what_failed_holds_nothing(local: Plane) -> None:
    local.driver.faults.creates_to_fail = 1
    with refused(AgentRefusal.DRIVER_FAILED):
        await local.agents.create_vm(local.host, 1, a_spec("vm-1", cpus=64))
    local.driver.faults.fetches_to_fail = 1
    with refused(AgentRefusal.IMAGE_UNAVAILABLE):
        other = ImageSource("image-2", "cd" * 32, 1, "http://images.invalid/2")
        await local.agents.create_vm(local.host, 1, a_spec("vm-1", cpus=64, image=other))
    with refused(AgentRefusal.NETWORK_NOT_FOUND):
        nic = GuestNic("nowhere", "02:00:00:00:00:01")
        await local.agents.create_vm(local.host, 1, a_spec("vm-1", cpus=64, nics=(nic,)))
    await local.agents.create_vm(local.host, 1, a_spec("vm-1", cpus=64))


async def test_the_books_are_found_again(local: Plane) -> None:
    await local.agents.create_vm(local.host, 1, a_spec("vm-1", cpus=60))
    again = await restarted(local)
    with refused(AgentRefusal.NOT_ENOUGH_CPU):
        await again.agents.create_vm(again.host, 1, a_spec("vm-2", cpus=5))


# Modes


async def test_a_host_enters_maintenance_when_its_last_guest_is_gone(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    await plane.agents.set_mode(plane.host, 1, HostMode.ENTERING_MAINTENANCE)
    assert (await plane.agents.inventory(plane.host)).mode is HostMode.ENTERING_MAINTENANCE
    with refused(AgentRefusal.WRONG_MODE):
        await plane.agents.create_vm(plane.host, 1, a_spec("vm-2"))
    with refused(AgentRefusal.WRONG_MODE):
        await plane.agents.create_disk(plane.host, 1, a_disk())
    with refused(AgentRefusal.HOST_HAS_GUESTS):
        await plane.agents.set_mode(plane.host, 1, HostMode.MAINTENANCE)
    await plane.agents.create_vm(plane.host, 1, a_spec())  # A repeated create is nothing new.
    await plane.agents.delete_vm(plane.host, 2, "vm-1")
    assert (await plane.agents.inventory(plane.host)).mode is HostMode.MAINTENANCE
    await plane.agents.set_mode(plane.host, 1, HostMode.NORMAL)
    await plane.agents.create_vm(plane.host, 1, a_spec("vm-2"))


async def test_an_empty_host_is_in_maintenance_at_once(local: Plane) -> None:
    await local.agents.set_mode(local.host, 1, HostMode.ENTERING_MAINTENANCE)
    assert (await local.agents.inventory(local.host)).mode is HostMode.MAINTENANCE
    with refused(AgentRefusal.WRONG_MODE):
        await local.agents.set_mode(local.host, 1, HostMode.DEPROVISIONED)


async def test_modes_and_terms_outlive_the_agent(local: Plane) -> None:
    await local.agents.provision(local.endpoint, a_provision(cpu_overcommit=2.0))
    await local.agents.create_vm(local.host, 1, a_spec(cpus=100))
    await local.agents.set_mode(local.host, 1, HostMode.ENTERING_MAINTENANCE)
    before = (await local.agents.inventory(local.host)).generation
    again = await restarted(local)
    inventory = await again.agents.inventory(again.host)
    assert inventory.mode is HostMode.ENTERING_MAINTENANCE
    assert inventory.generation > before
    await again.agents.set_mode(again.host, 1, HostMode.NORMAL)
    await again.agents.create_vm(again.host, 1, a_spec("vm-2", cpus=28))


# Owners


async def test_a_host_has_one_owner(plane: Plane) -> None:
    again = await plane.agents.provision(plane.endpoint, a_provision())
    assert again.host_id == "host-1"
    with refused(AgentRefusal.OTHER_PLANE):
        await plane.agents.provision(plane.endpoint, a_provision(host_id="other"))
    with refused(AgentRefusal.OTHER_PLANE):
        await plane.agents.provision(plane.endpoint, a_provision(address="sim-00002"))
    with refused(AgentRefusal.HOST_NOT_FOUND):
        await plane.agents.provision(plane.endpoint, a_provision(3))


async def test_a_host_that_was_given_back_takes_another_owner(plane: Plane) -> None:
    await plane.agents.create_disk(plane.host, 1, a_disk())
    with refused(AgentRefusal.HOST_HAS_GUESTS):
        await plane.agents.deprovision(plane.host, 1)
    await plane.agents.delete_disk(plane.host, 2, "disk-1")
    await plane.agents.deprovision(plane.host, 1)
    await plane.agents.deprovision(plane.host, 1)
    with refused(AgentRefusal.HOST_NOT_FOUND):
        await plane.agents.inventory(plane.host)
    inventory = await plane.agents.provision(plane.endpoint, a_provision(host_id="other"))
    assert inventory.mode is HostMode.NORMAL
    with refused(AgentRefusal.HOST_NOT_FOUND):
        await plane.agents.deprovision(plane.host, 1)


async def test_credentials_must_fit(plane: Plane) -> None:
    for wrong in (a_provision(2, username=""), a_provision(2, password="")):
        with refused(AgentRefusal.BAD_CREDENTIALS):
            await plane.agents.provision(plane.endpoint, wrong)
    closed = await start(
        NullJournal(), plane.captures, HandClock(), credentials=Credentials("root", "right")
    )
    agents = LocalAgents({ENDPOINT: closed.agent})
    for wrong in (a_provision(username="ruth"), a_provision(password="wrong")):
        with refused(AgentRefusal.BAD_CREDENTIALS):
            await agents.provision(ENDPOINT, wrong)
    await agents.provision(ENDPOINT, a_provision(password="right"))


async def test_a_console_needs_a_running_guest(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    with refused(AgentRefusal.WRONG_POWER_STATE):
        await plane.agents.console_ticket(plane.host, "vm-1", ConsoleKind.SERIAL)


async def test_a_silent_host_answers_when_it_wakes(local: Plane) -> None:
    local.simulation.hosts.silence("sim-00001")
    call = asyncio.create_task(local.agents.inventory(local.host))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not call.done()
    local.simulation.hosts.wake("sim-00001")
    assert (await call).host_id == "host-1"
