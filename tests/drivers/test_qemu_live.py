"""What only a guest whose operating system runs can show. The tests share one guest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest
import pytest_asyncio

from photon.agent.drivers.qemu.commands import run
from photon.agent.drivers.qemu.record import SERIAL_LOG
from photon.domain.guest import GuestNic, GuestState, PowerOp
from photon.guestimage.build import DemoGuest
from tests.drivers.arrange import a_disk, a_spec
from tests.drivers.conftest import image_source
from tests.drivers.contract import LiveGuestContract
from tests.drivers.qemu_rig import BOOT_SECONDS, QemuRig, networks_for, settings_for

DEMO_MEMORY_MIB = 128
MAC_ADDRESS = "52:54:00:12:34:56"

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rig(
    tmp_path_factory: pytest.TempPathFactory, demo_guest: DemoGuest
) -> AsyncIterator[QemuRig]:
    directory = tmp_path_factory.mktemp("live")
    settings = settings_for(
        directory, networks=networks_for(directory), orderly_stop_seconds=BOOT_SECONDS
    )
    rig = QemuRig(settings, image_source(demo_guest.image), memory_mib=DEMO_MEMORY_MIB)
    await rig.open()
    yield rig
    await rig.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def vm_id(rig: QemuRig) -> str:
    await rig.driver.fetch_image(rig.image)
    spec = await a_spec(rig, nics=(GuestNic("VM Network", MAC_ADDRESS),))
    await rig.driver.create_vm(spec)
    await rig.driver.power(spec.vm_id, PowerOp.START)
    await rig.up(spec.vm_id)
    return spec.vm_id


class TestGuestThatBootsByItself(LiveGuestContract):
    """Firmware, boot loader, kernel, DHCP: the way of every uploaded image."""

    async def test_a_guest_gets_an_address_and_the_driver_learns_it(
        self, rig: QemuRig, vm_id: str
    ) -> None:
        await rig.hear(vm_id, b"has an address")
        [connection] = await rig.driver.networks(vm_id)
        assert connection.network == "VM Network"
        assert connection.mac_address == MAC_ADDRESS
        assert connection.connected
        assert IPv4Address(connection.ip_address) in rig.settings.networks.pool
        assert connection.ip_address in await rig.ask(vm_id, "ip -4 addr show eth0")

    async def test_a_guest_knows_its_name(self, rig: QemuRig, vm_id: str) -> None:
        guest = await rig.driver.guest(vm_id)
        assert guest is not None
        assert (await rig.ask(vm_id, "hostname")).strip() == guest.name

    async def test_a_guest_sees_a_disk_come_and_go(self, rig: QemuRig, vm_id: str) -> None:
        disk_id = await a_disk(rig)
        await rig.driver.attach_disk(vm_id, disk_id)
        seen = (
            "until [ -e /sys/block/vdb/serial ]; do usleep 50000; done; cat /sys/block/vdb/serial"
        )
        assert disk_id.replace("-", "")[:20] in await rig.ask(vm_id, seen)
        await rig.driver.detach_disk(vm_id, disk_id)
        assert "vdb" not in await rig.ask(vm_id, "ls /sys/block")

    async def test_a_guest_survives_its_agent_and_keeps_its_disks(
        self, rig: QemuRig, vm_id: str
    ) -> None:
        disk_id = await a_disk(rig)
        before = await rig.driver.attach_disk(vm_id, disk_id)
        await rig.ask(vm_id, "echo remembered > /run/mark")
        await rig.reopen()
        assert await rig.driver.guest(vm_id) == before
        assert "remembered" in await rig.ask(vm_id, "cat /run/mark")
        without = await rig.driver.detach_disk(vm_id, disk_id)
        assert disk_id not in [disk.id for disk in without.disks]

    async def test_a_suspended_guest_goes_on_where_it_was(self, rig: QemuRig, vm_id: str) -> None:
        await rig.ask(vm_id, "echo remembered > /run/mark")
        await rig.driver.power(vm_id, PowerOp.SUSPEND)
        assert (await rig.driver.power(vm_id, PowerOp.RESUME)).state is GuestState.STARTED
        assert "remembered" in await rig.ask(vm_id, "cat /run/mark")

    async def test_a_stopped_guest_ended_in_order_and_can_be_captured(
        self, rig: QemuRig, vm_id: str
    ) -> None:
        await rig.ask(vm_id, "echo kept > /mark")
        stopped = await rig.driver.power(vm_id, PowerOp.STOP)
        assert stopped.state is GuestState.STOPPED
        [log] = rig.settings.datastores[0].directory.glob(f"vms/{vm_id}/{SERIAL_LOG}")
        assert b"Power down" in log.read_bytes()

        image_id = rig.new_id()
        captured = await rig.driver.capture(vm_id, image_id)
        path = await rig.driver.capture_path(image_id)
        assert image_source(Path(path)).checksum == captured.checksum
        await run("qemu-img", "check", "-q", path)
        assert "backing-filename" not in await run("qemu-img", "info", "--output=json", path)

        await rig.driver.power(vm_id, PowerOp.START)
        await rig.up(vm_id)
        assert "kept" in await rig.ask(vm_id, "cat /mark")
