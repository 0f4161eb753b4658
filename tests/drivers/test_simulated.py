"""The simulated host behaves as every driver does, and fails and dawdles when it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.agent.drivers.protocol import HostDriver
from photon.agent.drivers.simulated import SimulatedDriver
from photon.agent.drivers.simulated_room import SharedDatastores
from photon.agent.drivers.simulated_site import Latencies, SimulatedSite
from photon.agent.journal import MemoryJournal, by_host
from photon.domain.guest import (
    AgentRefusal,
    GuestDisk,
    GuestNic,
    HostCapacity,
    HostDatastore,
    ImageSource,
    PowerOp,
)
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.drivers.arrange import Changes, a_disk, a_guest, a_spec, read_until, refused
from tests.drivers.contract import DriverContract, LiveGuestContract
from tests.drivers.shared_contract import SharedContract


class SimulatedRig:
    """`beside`: the rig of another host of the same site."""

    memory_mib = 128
    image = ImageSource("image-1", "ab" * 32, 1 << 20, "http://images.invalid/1")

    def __init__(
        self,
        captures: Path,
        latencies: Latencies | None = None,
        beside: SimulatedRig | None = None,
    ) -> None:
        self.changes = Changes()
        self.address = "sim-00002" if beside else "sim-00001"
        self.site: SimulatedSite = SimulatedSite(
            RealClock(),
            latencies=latencies or Latencies(),
            journal=MemoryJournal(),
            captures=captures,
            shared=beside.site.shared if beside else SharedDatastores(),
        )
        self.simulated = SimulatedDriver(self.address, self.site)
        self.driver: HostDriver = self.simulated
        self._ids = TimeOrderedIds(RealClock())

    def new_id(self) -> str:
        return self._ids.new()

    async def open(self) -> SimulatedRig:
        self.driver = self.simulated
        await self.simulated.open(self.changes.told)
        return self

    async def reopen(self) -> HostDriver:
        await self.simulated.close()
        remembered = by_host(self.site.journal.items()).get(self.address, {})
        self.simulated = SimulatedDriver(self.address, self.site, remembered)
        await self.open()
        return self.driver

    async def kill_guest(self, vm_id: str) -> None:
        self.simulated.die(vm_id)

    async def up(self, vm_id: str) -> None:
        console = await self.driver.open_serial(vm_id)
        await read_until(console, b"is up")
        await console.close()

    async def power_off_from_inside(self, vm_id: str) -> None:
        self.simulated.die(vm_id)


@pytest.fixture
async def rig(tmp_path: Path) -> SimulatedRig:
    return await SimulatedRig(tmp_path).open()


@pytest.fixture
async def vm_id(rig: SimulatedRig) -> str:
    return (await a_guest(rig, PowerOp.START)).vm_id


class SimulatedPair:
    def __init__(self, one: SimulatedRig, other: SimulatedRig) -> None:
        self.one, self.other = one, other


@pytest.fixture(params=[0.0, 0.01], ids=["at-once", "slowly"])
async def pair(tmp_path: Path, request: pytest.FixtureRequest) -> SimulatedPair:
    latencies = Latencies(create_vm=request.param, create_disk=request.param)
    one = await SimulatedRig(tmp_path, latencies).open()
    return SimulatedPair(one, await SimulatedRig(tmp_path, latencies, one).open())


class TestSimulatedHostsShareADatastore(SharedContract):
    pass


class TestSimulatedKeepsTheContract(DriverContract):
    pass


class TestSimulatedKeepsTheLiveContract(LiveGuestContract):
    pass


async def test_a_create_that_was_told_to_fail_leaves_nothing(rig: SimulatedRig) -> None:
    await rig.driver.fetch_image(rig.image)
    rig.simulated.faults.creates_to_fail = 1
    spec = await a_spec(rig)
    with refused(AgentRefusal.DRIVER_FAILED):
        await rig.driver.create_vm(spec)
    assert await rig.driver.guests() == []
    assert (await rig.driver.create_vm(spec)).vm_id == spec.vm_id


async def test_faults_refuse_what_they_name_and_nothing_else(rig: SimulatedRig) -> None:
    guest, disk_id = await a_guest(rig), await a_disk(rig)
    rig.simulated.faults.attach_refused = True
    with refused(AgentRefusal.DRIVER_FAILED):
        await rig.driver.attach_disk(guest.vm_id, disk_id)
    assert [disk.attached_vm_id for disk in await rig.driver.disks()] == [""]
    rig.simulated.faults.power_refused = True
    with refused(AgentRefusal.DRIVER_FAILED):
        await rig.driver.power(guest.vm_id, PowerOp.START)
    rig.simulated.faults.datastore_full = True
    assert [store.free_gib for store in (await rig.driver.capacity()).datastores] == [0]
    rig.simulated.faults.fetches_to_fail = 1
    with refused(AgentRefusal.IMAGE_UNAVAILABLE):
        await rig.driver.fetch_image(ImageSource("other", "cd" * 32, 1, "http://images.invalid/2"))


async def test_each_operation_takes_its_latency_on_the_clock_it_was_given(tmp_path: Path) -> None:
    slept: list[float] = []

    class Watch(RealClock):
        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    latencies = Latencies(create_vm=1.0, start=2.0, fetch_image=3.0)
    rig = SimulatedRig(tmp_path, latencies)
    rig.site = SimulatedSite(Watch(), latencies=latencies)
    rig.simulated = SimulatedDriver("sim-00001", rig.site)
    await rig.open()
    await a_guest(rig, PowerOp.START, PowerOp.STOP)
    assert slept == [3.0, 1.0, 2.0]


async def test_a_running_guest_has_an_address_and_a_stopped_one_has_none(
    rig: SimulatedRig,
) -> None:

    await rig.driver.fetch_image(rig.image)
    nic = GuestNic("VM Network", "02:00:00:0a:0b:0c")
    guest = await rig.driver.create_vm(await a_spec(rig, nics=(nic,)))
    [stopped] = await rig.driver.networks(guest.vm_id)
    assert (stopped.ip_address, stopped.connected) == ("", False)
    await rig.driver.power(guest.vm_id, PowerOp.START)
    [running] = await rig.driver.networks(guest.vm_id)
    assert (running.ip_address, running.connected) == ("10.10.11.12", True)


@pytest.mark.parametrize("image_id", ["../../etc/passwd", "a/b", "", "x" * 65])
async def test_a_capture_cannot_be_named_out_of_its_directory(
    rig: SimulatedRig, image_id: str
) -> None:
    with refused(AgentRefusal.IMAGE_UNAVAILABLE):
        await rig.driver.capture_path(image_id)


async def test_a_host_of_its_own_equipment_counts_each_datastore_for_itself() -> None:
    stores = tuple(
        HostDatastore(name, name, "LOCAL_VMFS", frozenset({name.upper()}), gib, gib)
        for name, gib in (("ssd", 100), ("disk", 1000))
    )
    equipment = {"odd": HostCapacity(8, 1024, stores, ("lan",), "simulated")}
    site = SimulatedSite(RealClock(), equipment=equipment)
    odd, usual = SimulatedDriver("odd", site), SimulatedDriver("sim-00001", site)
    await odd.create_disk(GuestDisk("d-1", 30, persistent=True, datastore_id="ssd"))
    assert [each.free_gib for each in (await odd.capacity()).datastores] == [70, 1000]
    with refused(AgentRefusal.DATASTORE_NOT_FOUND):
        await odd.create_disk(GuestDisk("d-2", 1, persistent=True, datastore_id="nowhere"))
    assert (await usual.capacity()).cpus == site.shape.cpus


async def test_a_host_that_died_between_claim_and_disk_drops_the_claim(tmp_path: Path) -> None:
    one = await SimulatedRig(tmp_path).open()
    [store] = (await one.driver.capacity()).datastores
    claims = one.site.shared.of(store.id)
    disk_id = await a_disk(one)
    claims.take("sim-00001", {"never made": 7}, store.capacity_gib)
    claims.take("sim-00002", {"another's": 5}, store.capacity_gib)
    assert claims.taken_gib() == 1 + 7 + 5
    await one.reopen()
    assert (claims.of("sim-00001"), claims.taken_gib()) == ({disk_id: 1}, 1 + 5)
