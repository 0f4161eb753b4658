"""The host driver for QEMU: the rules of the protocol over guests, disks, images and networks.

A suspended guest stays in memory, so a reboot of the host loses its state: it is then STOPPED, as
is every guest that ran. Its disks are as a power cut leaves them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from photon.agent.drivers.protocol import ConsoleStream
from photon.agent.drivers.qemu.accel import choose_accel
from photon.agent.drivers.qemu.argv import QEMU
from photon.agent.drivers.qemu.checks import check_id, check_spec
from photon.agent.drivers.qemu.commands import CommandFailed, run
from photon.agent.drivers.qemu.console import Consoles, SocketStream
from photon.agent.drivers.qemu.datastore import Datastore, open_datastore
from photon.agent.drivers.qemu.disks import Disks
from photon.agent.drivers.qemu.guests import Guests
from photon.agent.drivers.qemu.host_room import HostRoom
from photon.agent.drivers.qemu.images import Captures, Images
from photon.agent.drivers.qemu.networks import Networks, network_not_found
from photon.agent.drivers.qemu.qmp import MonitorRefused
from photon.agent.drivers.qemu.record import VmRecord, ephemeral_disk_file
from photon.agent.drivers.qemu.running import Running
from photon.agent.drivers.qemu.settings import ATTACH_SLOTS, QemuSettings
from photon.domain.guest import (
    AgentRefusal,
    CapturedImage,
    Guest,
    GuestDisk,
    GuestSpec,
    GuestState,
    HostCapacity,
    HostDisk,
    ImageSource,
    NetworkConnection,
    PowerOp,
    Refusal,
)
from photon.outside.ids import Ids

_log = logging.getLogger(__name__)
# Logs grow by some MiB in it at most, and a guest that fell silent is soon asked again.
TENDING_SECONDS = 30.0


class QemuDriver:
    """One host. `open` comes first; `close` leaves the guests running."""

    def __init__(self, settings: QemuSettings, ids: Ids) -> None:
        self._settings = settings
        self._ids = ids
        self._creating: Counter[str] = Counter()  # checksums that a guest in the making needs

    async def open(self, on_change: Callable[[str], None]) -> None:
        self._settings.state_dir.mkdir(parents=True, exist_ok=True)
        self._stores: dict[str, Datastore] = {}
        try:
            await self._open(on_change)
        except BaseException:
            self._leave_stores()
            raise

    async def _open(self, on_change: Callable[[str], None]) -> None:
        settings = self._settings
        for each in settings.datastores:
            store = await asyncio.to_thread(open_datastore, each, self._ids, settings.state_dir)
            self._stores[store.id] = store
        stores = list(self._stores.values())
        self._images, self._captures = Images(stores[0]), Captures(stores[0])
        self._captures.open()
        self._disks = Disks(tuple(stores))
        self._disks.open()
        self._accel = await choose_accel(settings.accel, settings.state_dir)
        self._hypervisor = f"{await _qemu_version()} ({self._accel})"
        self._networks = Networks(settings.networks, settings.state_dir)
        await self._networks.open()
        self._guests = Guests(settings, self._networks, self._disks)
        await self._guests.open(tuple(stores), on_change)
        await self._claim_what_is_there()
        self._consoles = Consoles()
        self._housekeeping = asyncio.create_task(self._tend())

    async def close(self) -> None:
        self._housekeeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._housekeeping
        await self._consoles.close()
        await self._images.close()
        in_use = self._guests.any_running()
        await self._guests.close()
        if not in_use:
            await self._networks.remove()  # Nobody is on them; the next `open` makes them again.
        self._leave_stores()

    async def capacity(self) -> HostCapacity:
        return HostCapacity(
            cpus=os.cpu_count() or 1,
            memory_mib=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
            datastores=tuple([await store.look() for store in self._stores.values()]),
            networks=self._networks.names(),
            hypervisor=self._hypervisor,
        )

    async def guests(self) -> list[Guest]:
        return [self._seen(record) for record in self._guests.records()]

    async def guest(self, vm_id: str) -> Guest | None:
        record = self._guests.record(vm_id)
        return None if record is None else self._seen(record)

    async def disks(self) -> list[HostDisk]:
        return [self._host_disk(disk) for disk in self._disks.all()]

    async def create_vm(self, spec: GuestSpec) -> Guest:
        if (record := self._guests.record(spec.vm_id)) is not None:
            return self._seen(record)
        check_spec(spec)
        store = self._store(spec.datastore_id)
        for nic in spec.nics:
            if nic.network not in self._networks.names():
                raise network_not_found(nic.network)
        checksum = spec.image.checksum
        if not self._images.has(checksum):
            raise Refusal(
                AgentRefusal.IMAGE_UNAVAILABLE,
                f"Image {spec.image.id} is not on this host: fetch it first.",
                image_id=spec.image.id,
            )
        self._creating[checksum] += 1
        try:
            await self._guests.create(spec, store, self._images.path(checksum))
        finally:
            self._creating[checksum] -= 1
        return self._seen(self._record(spec.vm_id))

    async def delete_vm(self, vm_id: str) -> None:
        if self._guests.record(vm_id) is not None:
            await self._consoles.hang_up(self._guests.directory(vm_id))
            await self._guests.delete(vm_id)

    async def power(self, vm_id: str, op: PowerOp) -> Guest:
        record = self._record(vm_id)
        await self._guests.recover(vm_id)
        running = self._guests.running(vm_id)
        if op is not PowerOp.STOP:
            _check_answers(vm_id, running)
        match op:
            case PowerOp.START | PowerOp.RESUME:
                if running is None:
                    await self._guests.start(vm_id, self._accel)
                elif running.paused:
                    await running.go()
            case PowerOp.STOP:
                if running is not None:
                    await running.stop(self._settings.orderly_stop_seconds)
            case PowerOp.RESTART:
                await self._started(vm_id, running).reset()
            case PowerOp.SUSPEND:
                if running is None or not running.paused:
                    await self._started(vm_id, running).suspend()
        return self._seen(record)

    async def networks(self, vm_id: str) -> list[NetworkConnection]:
        spec = self._record(vm_id).spec
        return self._networks.connections(spec, running=self._guests.running(vm_id) is not None)

    async def open_serial(self, vm_id: str) -> ConsoleStream:
        """One at a time, since QEMU serves one: who opens the line last has it."""
        return await self._console(vm_id, self._consoles.serial)

    async def open_vnc(self, vm_id: str) -> ConsoleStream:
        return await self._console(vm_id, self._consoles.screen)

    async def create_disk(self, disk: GuestDisk) -> HostDisk:
        found = self._disks.find(disk.id)
        if found is None:
            check_id(disk.id)
            self._store(disk.datastore_id)
            await self._disks.make(disk)
            found = disk
        return self._host_disk(found)

    async def delete_disk(self, disk_id: str) -> None:
        disk = self._disks.find(disk_id)
        if disk is None:
            return
        if holder := self._holder(disk_id):
            raise _attached_elsewhere(disk_id, holder)
        await self._disks.delete(disk)

    async def attach_disk(self, vm_id: str, disk_id: str) -> Guest:
        record, disk = self._record(vm_id), self._disk(disk_id)
        holder = self._holder(disk_id)
        if holder not in ("", vm_id):
            raise _attached_elsewhere(disk_id, holder)
        running = self._unless_suspended(vm_id)
        slot = record.slot_of(disk_id)
        if slot is None:
            taken = {each.slot for each in record.attached}
            slot = next((each for each in range(ATTACH_SLOTS) if each not in taken), None)
            if slot is None:
                raise Refusal(
                    AgentRefusal.TOO_MANY_DISKS,
                    f"VM {vm_id} has {ATTACH_SLOTS} disks attached: detach one first.",
                )
            # The record first: a disk that is in a guest is always in its record.
            await self._guests.rewrite(record.with_disk(disk, slot))
        if running is not None:
            try:
                await running.plug(disk_id, slot, self._disks.file(disk))
            except MonitorRefused:
                await self._guests.rewrite(record.without_disk(disk_id))
                raise
        return self._seen(self._record(vm_id))

    async def detach_disk(self, vm_id: str, disk_id: str) -> Guest:
        record, holder = self._record(vm_id), self._holder(self._disk(disk_id).id)
        if holder not in ("", vm_id):
            raise Refusal(
                AgentRefusal.DISK_NOT_ATTACHED,
                f"Disk {disk_id} is attached to VM {holder}, not to this one.",
                disk_id=disk_id,
            )
        running, slot = self._unless_suspended(vm_id), record.slot_of(disk_id)
        if slot is not None:
            if running is not None:
                await running.unplug(disk_id, slot, self._settings.detach_seconds)
            await self._guests.rewrite(record.without_disk(disk_id))
        return self._seen(self._record(vm_id))

    async def has_image(self, checksum: str) -> bool:
        return self._images.has(checksum)

    async def fetch_image(self, image: ImageSource) -> None:
        await self._images.fetch(image)

    async def delete_image(self, checksum: str) -> None:
        users = [each.spec for each in self._guests.records()]
        if self._creating[checksum] or any(spec.image.checksum == checksum for spec in users):
            raise Refusal(
                AgentRefusal.IMAGE_IN_USE,
                "Guests on this host have the image as their base: delete them first.",
                checksum=checksum,
            )
        self._images.delete(checksum)

    async def images(self) -> list[str]:
        return self._images.checksums()

    async def capture(self, vm_id: str, image_id: str) -> CapturedImage:
        record = self._record(vm_id)
        check_id(image_id)
        if (made := self._captures.find(image_id)) is not None:
            return made
        if self._guests.running(vm_id) is not None:
            raise Refusal(
                AgentRefusal.NOT_POWERED_OFF,
                f"VM {vm_id} is not powered off: stop it, then make an image of it.",
                vm_id=vm_id,
            )
        [boot] = [disk for disk in record.spec.disks if disk.boot]
        file = ephemeral_disk_file(self._guests.directory(vm_id), boot.id)
        return await self._captures.make(file, image_id)

    async def capture_path(self, image_id: str) -> str:
        if self._captures.find(image_id) is None:
            raise Refusal(
                AgentRefusal.IMAGE_UNAVAILABLE,
                f"This host holds no image {image_id} to be fetched.",
                image_id=image_id,
            )
        return str(self._captures.path(image_id))

    async def drop_capture(self, image_id: str) -> None:
        if self._captures.find(image_id) is not None:
            self._captures.drop(image_id)

    def _rooms(self) -> list[HostRoom]:
        return [store.room for store in self._stores.values() if store.room is not None]

    async def _claim_what_is_there(self) -> None:
        for store in self._stores.values():
            if store.room is not None:
                there = self._guests.gib_on(store) | self._disks.gib_on(store)
                await store.room.find_again(there)

    def _leave_stores(self) -> None:
        for room in self._rooms():
            room.close()

    def _seen(self, record: VmRecord) -> Guest:
        return record.guest(self._guests.state(record.spec.vm_id))

    def _record(self, vm_id: str) -> VmRecord:
        record = self._guests.record(vm_id)
        if record is None:
            raise Refusal(AgentRefusal.VM_NOT_FOUND, f"This host has no VM {vm_id}.", vm_id=vm_id)
        return record

    def _disk(self, disk_id: str) -> GuestDisk:
        disk = self._disks.find(disk_id)
        if disk is None:
            raise Refusal(
                AgentRefusal.DISK_NOT_FOUND, f"This host has no disk {disk_id}.", disk_id=disk_id
            )
        return disk

    def _store(self, datastore_id: str) -> Datastore:
        store = self._stores.get(datastore_id)
        if store is None:
            raise Refusal(
                AgentRefusal.DATASTORE_NOT_FOUND,
                f"This host has no datastore {datastore_id}.",
                datastore_id=datastore_id,
            )
        return store

    def _host_disk(self, disk: GuestDisk) -> HostDisk:
        return HostDisk(
            disk_id=disk.id,
            capacity_gib=disk.capacity_gib,
            datastore_id=disk.datastore_id,
            attached_vm_id=self._holder(disk.id),
        )

    def _holder(self, disk_id: str) -> str:
        """The VM that the disk is attached to; empty when none."""
        holders = (each for each in self._guests.records() if each.slot_of(disk_id) is not None)
        return next((record.spec.vm_id for record in holders), "")

    def _started(self, vm_id: str, running: Running | None) -> Running:
        if running is None or running.paused:
            raise _wrong_state(vm_id, "it is not started: start it first")
        return running

    def _unless_suspended(self, vm_id: str) -> Running | None:
        running = self._guests.running(vm_id)
        if running is not None and running.paused:
            raise _wrong_state(vm_id, "it is suspended: resume or stop it first")
        _check_answers(vm_id, running)
        return running

    async def _console(
        self, vm_id: str, connect: Callable[[Path], Awaitable[SocketStream]]
    ) -> ConsoleStream:
        self._record(vm_id)
        try:
            if self._guests.running(vm_id) is not None:
                return await connect(self._guests.directory(vm_id))
        except (OSError, TimeoutError):
            _log.warning("VM %s runs, but its console takes no connection.", vm_id)
        raise Refusal(
            AgentRefusal.TICKET_UNAVAILABLE,
            f"VM {vm_id} has no console now: start it first.",
            vm_id=vm_id,
        )

    async def _tend(self) -> None:
        while True:
            await asyncio.sleep(TENDING_SECONDS)
            try:
                await self._guests.tend()
                for room in self._rooms():
                    await room.settle()
            except Exception:  # an edge: whatever is wrong with one round, the next one comes
                _log.exception("Tending the guests failed; it is tried again.")


async def _qemu_version() -> str:
    said = await run(QEMU, "--version")
    return "QEMU " + said.split("version ", 1)[-1].split(" ", 1)[0].strip()


def _check_answers(vm_id: str, running: Running | None) -> None:
    if running is not None and running.state is GuestState.ERROR:
        raise CommandFailed(f"QEMU does not answer for VM {vm_id}: stop the VM, then start it.")


def _attached_elsewhere(disk_id: str, holder: str) -> Refusal:
    return Refusal(
        AgentRefusal.DISK_ATTACHED,
        f"Disk {disk_id} is attached to VM {holder}: detach it first.",
        disk_id=disk_id,
        vm_id=holder,
    )


def _wrong_state(vm_id: str, why: str) -> Refusal:
    return Refusal(
        AgentRefusal.WRONG_POWER_STATE, f"VM {vm_id} cannot do that, because {why}.", vm_id=vm_id
    )
