"""A QEMU driver in a directory of its own, for the contract and for tests of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from ipaddress import IPv4Network
from pathlib import Path

from photon.agent.drivers.qemu.driver import QemuDriver
from photon.agent.drivers.qemu.process import find_guests
from photon.agent.drivers.qemu.settings import (
    Accel,
    DatastoreSettings,
    NetworkSettings,
    QemuSettings,
)
from photon.domain.guest import ImageSource
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.drivers.arrange import CHANGE_SECONDS, Changes, read_until

PROMPT = b"photon:/root#"  # The shell listens; what is typed earlier may be lost.
BOOT_SECONDS = 120.0  # Ten on a quiet machine; others may work on it too.


class QemuRig:
    """See `tests.drivers.contract.Rig`."""

    def __init__(self, settings: QemuSettings, image: ImageSource, *, memory_mib: int) -> None:
        self.settings = settings
        self.image = image
        self.memory_mib = memory_mib
        self.changes = Changes()
        self._asked = 0
        self._ids = TimeOrderedIds(RealClock())
        self.driver = QemuDriver(settings, self._ids)

    async def open(self) -> None:
        await self.driver.open(self.changes.told)

    async def close(self) -> None:
        """Leaves the machine as it was."""
        for guest in await self.driver.guests():
            await self.driver.delete_vm(guest.vm_id)
        await self.driver.close()

    def new_id(self) -> str:
        return self._ids.new()

    async def reopen(self) -> QemuDriver:
        await self.driver.close()
        self.driver = QemuDriver(self.settings, self._ids)
        await self.open()
        return self.driver

    async def kill_guest(self, vm_id: str) -> None:
        os.kill(find_guests([vm_id])[vm_id], signal.SIGKILL)

    async def up(self, vm_id: str) -> None:
        heard = await self.hear(vm_id, PROMPT)
        assert b"Photon demo guest is up" in heard

    async def power_off_from_inside(self, vm_id: str) -> None:
        console = await self.driver.open_serial(vm_id)
        await console.write(b"poweroff\n")
        # QEMU drops what it has not read when the line closes, so it stays open to the end.
        async with asyncio.timeout(BOOT_SECONDS):
            while await console.read():
                pass
        await console.close()

    async def hear(self, vm_id: str, wanted: bytes) -> bytes:
        """What the serial line said until it said this; earlier words count."""
        console = await self.driver.open_serial(vm_id)
        try:
            async with asyncio.timeout(BOOT_SECONDS):
                return await read_until(console, wanted)
        finally:
            await console.close()

    async def ask(self, vm_id: str, command: str) -> str:
        """What a command prints that is typed into the guest's shell."""
        self._asked += 1
        start, end = f"start-{self._asked}", f"end-{self._asked}"
        line = f"echo {start}; {command}; echo; echo {end}\n"
        console = await self.driver.open_serial(vm_id)
        try:
            await console.write(line.encode())
            async with asyncio.timeout(CHANGE_SECONDS):
                # At a line's start, which the echo of what was typed is not.
                heard = await read_until(console, f"\n{end}\r\n".encode())
        finally:
            await console.close()
        text = heard.decode(errors="replace").replace("\r", "")
        return text.rsplit(f"\n{start}\n", 1)[-1].rsplit(f"{end}\n", 1)[0]


def settings_for(directory: Path, **changes: object) -> QemuSettings:
    """One datastore and no networks, unless `changes` says otherwise."""
    given: dict[str, object] = {
        "state_dir": directory / "state",
        "datastores": (DatastoreSettings("local", directory / "local"),),
        "networks": NetworkSettings(port_groups=()),
        "accel": Accel.TCG,
        "orderly_stop_seconds": 0.2,
        **changes,
    }
    return QemuSettings(**given)  # type: ignore[arg-type]  # a wrong one fails at once


def networks_for(directory: Path) -> NetworkSettings:
    """A port group that no other test has on its bridge or in its subnet."""
    number = int.from_bytes(os.fsencode(directory), "big") % 200
    return NetworkSettings(
        port_groups=("VM Network",),
        pool=IPv4Network(f"10.145.{number}.0/24"),
        scope=str(directory),
    )
