"""The host's guests: their records, and those that run."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.argv import DiskFile, Launch, argv
from photon.agent.drivers.qemu.boot_hints import find_boot_hint
from photon.agent.drivers.qemu.commands import CommandFailed, on_the_host
from photon.agent.drivers.qemu.console import bound_logs
from photon.agent.drivers.qemu.datastore import Datastore
from photon.agent.drivers.qemu.disks import Disks
from photon.agent.drivers.qemu.durable import MAKING, make_fresh, publish, remove_directory
from photon.agent.drivers.qemu.limits import Limits
from photon.agent.drivers.qemu.networks import Networks
from photon.agent.drivers.qemu.process import find_guests
from photon.agent.drivers.qemu.qcow2 import make_child, make_empty, virtual_size_bytes
from photon.agent.drivers.qemu.record import (
    ENVIRONMENT_FILE,
    SERIAL_LOG,
    SPEC_FILE,
    VmRecord,
    ephemeral_disk_file,
    read_records,
    write_record,
)
from photon.agent.drivers.qemu.running import Running, launch, reattach
from photon.agent.drivers.qemu.settings import Accel, QemuSettings
from photon.domain.guest import GuestSpec, GuestState

_log = logging.getLogger(__name__)


class Guests:
    """Keeps what is on disk and what runs; the driver keeps the rules."""

    def __init__(self, settings: QemuSettings, networks: Networks, disks: Disks) -> None:
        self._settings = settings
        self._networks = networks
        self._disks = disks
        self._limits = Limits()
        self._spawns = asyncio.Semaphore(settings.spawns_max)
        self._records: dict[str, VmRecord] = {}
        self._directories: dict[str, Path] = {}
        self._stores: dict[str, Datastore] = {}
        self._running: dict[str, Running] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._clearing: dict[str, asyncio.Task[None]] = {}  # after guests that ended
        self._on_change: Callable[[str], None] = _nobody_hears

    async def open(self, stores: tuple[Datastore, ...], on_change: Callable[[str], None]) -> None:
        """Reads every guest's record, and finds those that run."""
        self._on_change = on_change
        for store in stores:
            for directory, record in (await asyncio.to_thread(read_records, store.vms)).items():
                self._records[record.spec.vm_id] = record
                self._directories[record.spec.vm_id] = directory
                self._stores[record.spec.vm_id] = store
        pids = await asyncio.to_thread(find_guests, list(self._records))
        async with asyncio.TaskGroup() as group:
            for vm_id, record in self._records.items():
                if vm_id in pids:
                    group.create_task(self._reattach(vm_id, pids[vm_id]))
                else:
                    group.create_task(self._clear(record.spec))  # it may have ended unseen

    async def close(self) -> None:
        for running in self._running.values():
            await running.release()
        self._running.clear()
        await asyncio.gather(*self._closing)  # any order: all of them are awaited

    def records(self) -> list[VmRecord]:
        return list(self._records.values())

    def record(self, vm_id: str) -> VmRecord | None:
        return self._records.get(vm_id)

    def directory(self, vm_id: str) -> Path:
        return self._directories[vm_id]

    def running(self, vm_id: str) -> Running | None:
        return self._running.get(vm_id)

    def any_running(self) -> bool:
        return bool(self._running)

    def state(self, vm_id: str) -> GuestState:
        running = self._running.get(vm_id)
        return GuestState.STOPPED if running is None else running.state

    def gib_on(self, store: Datastore) -> dict[str, int]:
        """By disk; all of a guest's own disks lie in its directory."""
        there = [id for id, each in self._stores.items() if each is store]
        sizes = [_sizes(self._records[id].spec) for id in there]
        return {disk_id: gib for each in sizes for disk_id, gib in each.items()}

    async def create(self, spec: GuestSpec, store: Datastore, image: Path) -> None:
        """Makes the guest's directory whole under another name, and then gives it its own."""
        async with store.claimed(_sizes(spec)):
            directory = store.vms / spec.vm_id
            making = store.vms / f"{MAKING}{spec.vm_id}"
            record = VmRecord(spec)
            with on_the_host(f"Making VM {spec.vm_id}"):
                try:
                    await asyncio.to_thread(make_fresh, making)
                    async with self._spawns:
                        await self._make_disks(spec, making, image)
                    await asyncio.to_thread(_write_new, making, record)
                    await asyncio.to_thread(publish, making, directory)
                finally:
                    shutil.rmtree(making, ignore_errors=True)
            self._records[spec.vm_id] = record
            self._directories[spec.vm_id] = directory
            self._stores[spec.vm_id] = store

    async def delete(self, vm_id: str) -> None:
        running = self._running.get(vm_id)
        if running is not None:
            await running.kill()
        await self._cleared(vm_id)
        record = self._records[vm_id]
        await self._networks.unplug(record.spec)
        with on_the_host(f"Removing VM {vm_id}"):
            await asyncio.to_thread(remove_directory, self._directories[vm_id])
        self._limits.drop(vm_id)
        del self._records[vm_id], self._directories[vm_id]
        await self._stores.pop(vm_id).give_back(_sizes(record.spec))

    async def start(self, vm_id: str, accel: Accel) -> None:
        record, directory = self._records[vm_id], self._directories[vm_id]
        (directory / SERIAL_LOG).unlink(missing_ok=True)
        await self._cleared(vm_id)
        async with self._spawns:
            taps = await self._networks.plug(record.spec)
            command = argv(
                Launch(
                    spec=record.spec,
                    accel=accel,
                    disks=self._disk_files(record, directory),
                    taps=taps,
                    direct_kernel=find_boot_hint(
                        self._settings.state_dir, record.spec.image.checksum
                    ),
                )
            )
            with on_the_host(f"Starting VM {vm_id}"):
                running = await launch(directory, command, lambda: self._on_change(vm_id))
        self._limits.hold(record.spec, running.pid)
        self._hold(vm_id, running)
        try:
            await running.go()
        except BaseException:
            await running.kill()
            raise

    async def rewrite(self, record: VmRecord) -> None:
        directory = self._directories[record.spec.vm_id]
        with on_the_host("Writing the VM's record"):
            await asyncio.to_thread(write_record, directory, record)
        self._records[record.spec.vm_id] = record

    async def recover(self, vm_id: str) -> None:
        """Tries to speak again to a guest that fell silent; it stays in ERROR if that fails."""
        running = self._running.get(vm_id)
        if running is not None and running.state is GuestState.ERROR:
            with suppress(CommandFailed):
                await running.regain(vm_id)
                await self._plug_what_is_attached(vm_id, running)

    async def tend(self) -> None:
        """What is due now and then: bounds the logs, and asks silent guests again."""
        for vm_id in list(self._running):
            if vm_id not in self._running:
                continue  # it ended while another was asked
            bound_logs(self._directories[vm_id])
            before = self.state(vm_id)
            await self.recover(vm_id)
            if self.state(vm_id) is not before:
                self._on_change(vm_id)

    async def _reattach(self, vm_id: str, pid: int) -> None:
        directory = self._directories[vm_id]
        running = await reattach(directory, vm_id, pid, lambda: self._on_change(vm_id))
        if running is None:
            return
        self._hold(vm_id, running)
        if running.state is GuestState.ERROR:
            _log.error("VM %s runs as process %d, but does not answer.", vm_id, pid)
            return
        with suppress(CommandFailed):  # it ended meanwhile, or it is tended later
            await self._plug_what_is_attached(vm_id, running)

    async def _plug_what_is_attached(self, vm_id: str, running: Running) -> None:
        """An agent that died while it attached a disk had written the record, perhaps no more."""
        for each in self._records[vm_id].attached:
            await running.plug(each.disk.id, each.slot, self._disks.file(each.disk))

    def _hold(self, vm_id: str, running: Running) -> None:
        self._running[vm_id] = running
        running.on_exit(lambda: self._ended(vm_id, running))

    def _ended(self, vm_id: str, running: Running) -> None:
        if self._running.get(vm_id) is running:
            del self._running[vm_id]
        self._later(running.hang_up())
        if (record := self._records.get(vm_id)) is not None:
            self._clearing[vm_id] = self._later(self._clear(record.spec))
        if not running.ending:
            self._on_change(vm_id)

    async def _clear(self, spec: GuestSpec) -> None:
        """Gives the host back what a guest has only while it runs."""
        self._limits.drop(spec.vm_id)
        for left in self._directories[spec.vm_id].glob("*.sock"):  # nobody listens any more
            left.unlink(missing_ok=True)
        try:
            await self._networks.unplug(spec)
        except CommandFailed as failure:
            _log.warning("VM %s ended, but its interfaces stay: %s", spec.vm_id, failure)

    async def _cleared(self, vm_id: str) -> None:
        """Waits, so that what an earlier run had is not taken from the next one."""
        if (clearing := self._clearing.pop(vm_id, None)) is not None:
            await clearing

    def _later(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        return task

    async def _make_disks(self, spec: GuestSpec, directory: Path, image: Path) -> None:
        for disk in spec.disks:
            file = ephemeral_disk_file(directory, disk.id)
            if disk.boot:
                # Never smaller than the image: its file system would lack its end.
                size_bytes = max(disk.capacity_gib << 30, virtual_size_bytes(image))
                await make_child(file, image, size_bytes)
            else:
                await make_empty(file, disk.capacity_gib)

    def _disk_files(self, record: VmRecord, directory: Path) -> tuple[DiskFile, ...]:
        own = [
            DiskFile(disk.id, str(ephemeral_disk_file(directory, disk.id)))
            for disk in sorted(record.spec.disks, key=lambda disk: not disk.boot)
        ]
        attached = [
            DiskFile(each.disk.id, str(self._disks.file(each.disk)), each.slot)
            for each in record.attached
        ]
        return (*own, *attached)


def _sizes(spec: GuestSpec) -> dict[str, int]:
    return {disk.id: disk.capacity_gib for disk in spec.disks}


def _write_new(directory: Path, record: VmRecord) -> None:
    if record.spec.environment:
        (directory / ENVIRONMENT_FILE).write_bytes(msgspec.json.encode(record.spec.environment))
    (directory / SPEC_FILE).write_bytes(msgspec.json.encode(record))


def _nobody_hears(vm_id: str) -> None:
    del vm_id
