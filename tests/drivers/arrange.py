"""What the driver suites arrange with: rigs, guests, disks and what they wait for."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import pytest

from photon.agent.drivers.protocol import ConsoleStream, HostDriver
from photon.domain.guest import (
    AgentRefusal,
    Guest,
    GuestDisk,
    GuestNic,
    GuestSpec,
    ImageSource,
    PowerOp,
    Refusal,
)

CHANGE_SECONDS = 30.0  # A killed process is noticed at once; a loaded machine may need a while.
CONSOLE_BYTES_MAX = 1 << 20  # A guest that said so much without saying it will not say it.


class Rig(Protocol):
    """A driver under test, and the hands that reach what a control plane cannot."""

    changes: Changes
    image: ImageSource  # can be fetched; nothing has fetched it yet
    memory_mib: int  # what a guest of this image needs

    @property
    def driver(self) -> HostDriver: ...
    def new_id(self) -> str: ...
    async def reopen(self) -> HostDriver:
        """The agent dies, and a new one finds the same host. Becomes `self.driver`."""
        ...

    async def kill_guest(self, vm_id: str) -> None:
        """The guest dies without a word, as from `kill -9`."""
        ...

    async def up(self, vm_id: str) -> None:
        """Waits until the guest's operating system runs (`LiveGuestContract` only)."""
        ...

    async def power_off_from_inside(self, vm_id: str) -> None:
        """The guest's owner says `poweroff` in it (`LiveGuestContract` only)."""
        ...


@dataclass
class Changes:
    """What a driver told about by itself: pass `told` as its `on_change`."""

    _seen: asyncio.Queue[str] = field(default_factory=asyncio.Queue)

    def told(self, vm_id: str) -> None:
        self._seen.put_nowait(vm_id)

    async def of(self, vm_id: str) -> None:
        async with asyncio.timeout(CHANGE_SECONDS):
            while await self._seen.get() != vm_id:
                pass


async def a_spec(rig: Rig, *, nics: tuple[GuestNic, ...] = (), extra_gib: int = 0) -> GuestSpec:
    """A guest with a boot disk of 1 GiB, and one more ephemeral disk when `extra_gib` says so."""
    [store, *_] = (await rig.driver.capacity()).datastores
    disks = [GuestDisk(id=rig.new_id(), capacity_gib=1, boot=True, datastore_id=store.id)]
    if extra_gib:
        disks.append(GuestDisk(id=rig.new_id(), capacity_gib=extra_gib, datastore_id=store.id))
    vm_id = rig.new_id()
    return GuestSpec(
        vm_id=vm_id,
        name=f"guest-{vm_id[-6:]}",
        cpus=1,
        memory_mib=rig.memory_mib,
        datastore_id=store.id,
        image=rig.image,
        disks=tuple(disks),
        nics=nics,
    )


async def a_guest(rig: Rig, *ops: PowerOp) -> Guest:
    """A new guest of the rig's image, after these power operations."""
    await rig.driver.fetch_image(rig.image)
    guest = await rig.driver.create_vm(await a_spec(rig))
    for op in ops:
        guest = await rig.driver.power(guest.vm_id, op)
    return guest


async def a_disk(rig: Rig) -> str:
    [store, *_] = (await rig.driver.capacity()).datastores
    disk = GuestDisk(id=rig.new_id(), capacity_gib=1, persistent=True, datastore_id=store.id)
    return (await rig.driver.create_disk(disk)).disk_id


def refused(code: AgentRefusal) -> pytest.RaisesExc[Refusal]:
    return pytest.RaisesExc(Refusal, check=lambda refusal: refusal.code is code)


async def read_until(console: ConsoleStream, wanted: bytes) -> bytes:
    """What a console says until `wanted` has been said; the caller bounds the time."""
    heard = b""
    while wanted not in heard:
        chunk = await console.read()
        heard += chunk
        assert chunk, f"the console closed before {wanted!r}; heard {heard[-500:]!r}"
        assert len(heard) <= CONSOLE_BYTES_MAX, f"{wanted!r} was not said"
    return heard
