"""A guest outlives the agent that started it, however that one ends.

The guests boot with the kernel that the host's owner wrote down for the image, which is faster.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.agent.drivers.qemu.argv import DirectKernel
from photon.agent.drivers.qemu.boot_hints import write_boot_hint
from photon.domain.guest import GuestState, PowerOp
from photon.guestimage.build import DemoGuest
from tests.drivers.arrange import CHANGE_SECONDS
from tests.drivers.conftest import image_source
from tests.drivers.qemu_rig import BOOT_SECONDS, PROMPT, QemuRig, settings_for

DEMO_MEMORY_MIB = 128

pytestmark = pytest.mark.slow


@pytest.fixture
async def rig(tmp_path: Path, demo_guest: DemoGuest) -> AsyncIterator[QemuRig]:
    settings = settings_for(tmp_path)
    image = image_source(demo_guest.image)
    kernel = DirectKernel(
        kernel=str(demo_guest.kernel),
        initrd=str(demo_guest.initramfs),
        append=demo_guest.kernel_arguments,
    )
    write_boot_hint(settings.state_dir, image.checksum, kernel)
    vm_id = await _start_and_kill_the_agent(settings.state_dir.parent, demo_guest.image)
    rig = QemuRig(settings, image, memory_mib=DEMO_MEMORY_MIB)
    await rig.open()
    assert [guest.vm_id for guest in await rig.driver.guests()] == [vm_id]
    yield rig
    await rig.close()


async def test_a_guest_survives_the_kill_of_its_agent_and_obeys_the_next(rig: QemuRig) -> None:
    [guest] = await rig.driver.guests()
    assert guest.state is GuestState.STARTED
    await rig.up(guest.vm_id)
    await rig.driver.power(guest.vm_id, PowerOp.RESTART)
    await _second_boot(rig, guest.vm_id)
    await rig.power_off_from_inside(guest.vm_id)
    await rig.changes.of(guest.vm_id)
    assert [each.state for each in await rig.driver.guests()] == [GuestState.STOPPED]


async def _second_boot(rig: QemuRig, vm_id: str) -> None:
    console, heard = await rig.driver.open_serial(vm_id), b""
    async with asyncio.timeout(BOOT_SECONDS):
        while heard.count(PROMPT) < 2:
            chunk = await console.read()
            assert chunk, f"the guest ended: {heard!r}"
            heard += chunk
    await console.close()


async def _start_and_kill_the_agent(directory: Path, image: Path) -> str:
    """Another process starts a guest and is killed without a word; the guest's id."""
    agent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.drivers.doomed_agent", "start", str(directory), str(image)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert agent.stdout is not None
    async with asyncio.timeout(CHANGE_SECONDS):
        said = await agent.stdout.readline()
        agent.send_signal(signal.SIGKILL)
        await agent.wait()
    return said.decode().strip()
