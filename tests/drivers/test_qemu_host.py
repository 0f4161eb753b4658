"""What the QEMU driver makes of its host: deaths at bad moments, and rights that are lacking."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import IPv4Network
from pathlib import Path

import msgspec
import pytest

from photon.agent.drivers.qemu.accel import choose_accel, why_not_kvm
from photon.agent.drivers.qemu.dhcp import DhcpServer
from photon.agent.drivers.qemu.limits import Limits
from photon.agent.drivers.qemu.process import find_guests
from photon.agent.drivers.qemu.settings import Accel
from photon.domain.guest import AgentRefusal, GuestState, ImageSource, PowerOp
from tests.drivers.arrange import CHANGE_SECONDS, a_disk, a_guest, a_spec, refused
from tests.drivers.qemu_rig import QemuRig, settings_for

BLANK_MEMORY_MIB = 32
GUESTS_BEFORE_THE_KILL = 3


@pytest.fixture
async def rig(tmp_path: Path, blank_image: ImageSource) -> AsyncIterator[QemuRig]:
    settings = settings_for(tmp_path, detach_seconds=0.2)
    rig = QemuRig(settings, blank_image, memory_mib=BLANK_MEMORY_MIB)
    await rig.open()
    yield rig
    await rig.close()


def vms_of(rig: QemuRig) -> Path:
    return rig.settings.datastores[0].directory / "vms"


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def command_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")[:-1]


async def test_a_creation_that_was_cut_short_leaves_nothing(rig: QemuRig) -> None:
    await rig.driver.fetch_image(rig.image)
    creation = asyncio.create_task(rig.driver.create_vm(await a_spec(rig)))
    # Nobody tells of a directory that is being made.
    while not names_in(vms_of(rig)):  # noqa: ASYNC110  # see above
        await asyncio.sleep(0)
    creation.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await creation
    assert names_in(vms_of(rig)) == []
    assert await rig.driver.guests() == []


async def test_what_a_dead_agent_half_made_is_removed(rig: QemuRig) -> None:
    kept = await a_guest(rig)
    for name in (".new-1", ".gone-2", "3"):
        (vms_of(rig) / name).mkdir()
        (vms_of(rig) / name / "disk.qcow2").touch()
    driver = await rig.reopen()
    assert await driver.guests() == [kept]
    assert names_in(vms_of(rig)) == [kept.vm_id]


async def test_a_record_that_nobody_can_read_does_not_stop_the_others(rig: QemuRig) -> None:
    kept, broken = await a_guest(rig), await a_guest(rig)
    (vms_of(rig) / broken.vm_id / "spec.json").write_bytes(b"{")
    driver = await rig.reopen()
    assert await driver.guests() == [kept]
    assert broken.vm_id in names_in(vms_of(rig))


async def test_guests_of_an_agent_killed_while_it_made_them_are_whole(
    tmp_path: Path, blank_image: ImageSource
) -> None:
    image = blank_image.url.removeprefix("file://")
    agent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.drivers.doomed_agent", "create", str(tmp_path), image),
        stdout=asyncio.subprocess.PIPE,
    )
    assert agent.stdout is not None
    async with asyncio.timeout(CHANGE_SECONDS):
        made = {(await agent.stdout.readline()).decode().strip() for _ in range(3)}
        agent.send_signal(signal.SIGKILL)
        await agent.wait()
    rig = QemuRig(settings_for(tmp_path), blank_image, memory_mib=BLANK_MEMORY_MIB)
    await rig.open()
    guests = await rig.driver.guests()
    assert made <= {guest.vm_id for guest in guests}
    assert names_in(vms_of(rig)) == sorted(guest.vm_id for guest in guests)
    last = await rig.driver.power(guests[-1].vm_id, PowerOp.START)
    assert last.state is GuestState.STARTED
    await rig.close()


async def test_a_guest_that_does_not_answer_is_in_error_until_it_does(rig: QemuRig) -> None:
    guest = await a_guest(rig, PowerOp.START)
    [pid] = find_guests([guest.vm_id]).values()
    os.kill(pid, signal.SIGSTOP)
    driver = await rig.reopen()
    assert [each.state for each in await driver.guests()] == [GuestState.ERROR]
    with refused(AgentRefusal.DRIVER_FAILED):
        await driver.attach_disk(guest.vm_id, await a_disk(rig))
    os.kill(pid, signal.SIGCONT)
    assert (await driver.power(guest.vm_id, PowerOp.SUSPEND)).state is GuestState.SUSPENDED


async def test_a_guest_that_was_never_let_go_is_stopped_after_its_agents_death(
    rig: QemuRig,
) -> None:
    guest = await a_guest(rig, PowerOp.START)
    [pid] = find_guests([guest.vm_id]).values()
    words = command_of(pid)
    await rig.driver.power(guest.vm_id, PowerOp.STOP)
    # As an agent leaves it that dies between the start and its first word.
    process = await asyncio.create_subprocess_exec(*words, cwd=vms_of(rig) / guest.vm_id)
    driver = await rig.reopen()
    async with asyncio.timeout(CHANGE_SECONDS):
        await process.wait()
    assert [each.state for each in await driver.guests()] == [GuestState.STOPPED]


async def test_a_qemu_that_does_not_start_says_why(rig: QemuRig) -> None:
    guest = await a_guest(rig)
    [boot] = guest.disks
    (vms_of(rig) / guest.vm_id / f"{boot.id}.qcow2").unlink()
    with pytest.raises(Exception, match="No such file") as failure:
        await rig.driver.power(guest.vm_id, PowerOp.START)
    assert failure.value.code is AgentRefusal.DRIVER_FAILED  # type: ignore[attr-defined]  # a Refusal
    assert await rig.driver.guest(guest.vm_id) == guest
    assert find_guests([guest.vm_id]) == {}


async def test_a_guest_that_holds_on_to_a_disk_keeps_it(rig: QemuRig) -> None:
    guest, disk_id = await a_guest(rig, PowerOp.START), await a_disk(rig)
    with_disk = await rig.driver.attach_disk(guest.vm_id, disk_id)
    # There is no operating system in it that could let go.
    for _ in range(2):
        with refused(AgentRefusal.BUSY):
            await rig.driver.detach_disk(guest.vm_id, disk_id)
        assert await rig.driver.guest(guest.vm_id) == with_disk
    await rig.driver.power(guest.vm_id, PowerOp.STOP)
    await rig.driver.detach_disk(guest.vm_id, disk_id)
    await rig.driver.delete_disk(disk_id)


async def test_who_opens_the_serial_line_last_has_it(rig: QemuRig) -> None:
    guest = await a_guest(rig, PowerOp.START)
    first = await rig.driver.open_serial(guest.vm_id)
    second = await rig.driver.open_serial(guest.vm_id)
    async with asyncio.timeout(CHANGE_SECONDS):
        while await first.read():
            pass
    await second.close()


def test_a_machine_that_forbids_bridges_offers_no_networks(tmp_path: Path) -> None:
    assert shutil.which("setpriv"), "apt-get install util-linux"
    program = f"""
import asyncio, pathlib
from photon.agent.drivers.qemu.networks import Networks
from photon.agent.drivers.qemu.settings import NetworkSettings
networks = Networks(NetworkSettings(scope={str(tmp_path)!r}), pathlib.Path({str(tmp_path)!r}))
asyncio.run(networks.open())
print(networks.names())
"""
    drop = ("setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin")
    told = subprocess.run(
        [*drop, sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout == "()\n"
    assert "'VM Network' is not offered" in told.stderr


def test_the_address_of_a_nic_is_the_one_in_its_lease(tmp_path: Path) -> None:
    server = DhcpServer("pg0", IPv4Network("10.1.2.0/24"), tmp_path)
    assert server.address_of("52:54:00:00:00:01") == ""
    (tmp_path / "pg0.leases").write_text(
        "1795336628 52:54:00:00:00:01 10.1.2.7 web-1 01:52:54:00:00:00:01\nnonsense\n"
    )
    assert server.address_of("52:54:00:00:00:01".upper()) == "10.1.2.7"
    assert server.address_of("52:54:00:00:00:02") == ""


async def test_auto_is_kvm_exactly_where_kvm_runs_guests(tmp_path: Path) -> None:
    expected = Accel.TCG if await why_not_kvm() else Accel.KVM
    assert await choose_accel(Accel.AUTO, tmp_path) is expected


async def test_the_verdict_on_kvm_is_kept_until_the_machine_boots_again(tmp_path: Path) -> None:
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text().strip()  # noqa: ASYNC240 - the kernel answers at once
    kept = {"boot_id": boot_id, "accel": "kvm", "why": ""}
    (tmp_path / "accel.json").write_bytes(msgspec.json.encode(kept))
    assert await choose_accel(Accel.AUTO, tmp_path) is Accel.KVM
    assert await choose_accel(Accel.TCG, tmp_path) is Accel.TCG


@pytest.mark.parametrize(
    ("controllers", "written"),
    [
        (
            None,
            {
                "cpu/photon/{}/cpu.cfs_quota_us": "150000",
                "cpu/photon/{}/cgroup.procs": "77",
                "memory/photon/{}/memory.limit_in_bytes": str(552 << 20),
                "memory/photon/{}/cgroup.procs": "77",
            },
        ),
        (
            "cpu memory",
            {
                "photon/{}/cpu.max": "150000 100000",
                "photon/{}/memory.max": str(552 << 20),
                "photon/{}/cgroup.procs": "77",
            },
        ),
    ],
)
async def test_limits_speak_both_versions_of_control_groups(
    rig: QemuRig, tmp_path: Path, controllers: str | None, written: dict[str, str]
) -> None:
    root = tmp_path / "cgroup"
    root.mkdir()
    if controllers is not None:
        (root / "cgroup.controllers").write_text(controllers)
    spec = await a_spec(rig)
    Limits(root).hold(spec, pid=77)
    for path, content in written.items():
        assert (root / path.format(spec.vm_id)).read_text() == content
