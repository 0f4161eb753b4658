"""Persistent disks: a directory each, holding what the disk is and its qcow2 file."""

from __future__ import annotations

import asyncio
import logging
import shutil
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.commands import on_the_host
from photon.agent.drivers.qemu.datastore import Datastore
from photon.agent.drivers.qemu.durable import (
    MAKING,
    make_fresh,
    publish,
    remove_directory,
)
from photon.agent.drivers.qemu.qcow2 import make_empty
from photon.domain.guest import GuestDisk

_log = logging.getLogger(__name__)
_DISK_FILE = "disk.qcow2"
_RECORD_FILE = "disk.json"


class Disks:
    def __init__(self, stores: tuple[Datastore, ...]) -> None:
        self._stores = {store.id: store for store in stores}
        self._disks: dict[str, GuestDisk] = {}

    def open(self) -> None:
        for store in self._stores.values():
            for directory in sorted(store.disks.iterdir()):
                try:
                    content = (directory / _RECORD_FILE).read_bytes()
                    disk = msgspec.json.decode(content, type=GuestDisk)
                except (OSError, msgspec.DecodeError) as error:
                    # It may hold somebody's data: it is left for a person to look at.
                    _log.error("Disk %s is left out: %s", directory, error)
                    continue
                self._disks[disk.id] = disk

    def all(self) -> list[GuestDisk]:
        return list(self._disks.values())

    def find(self, disk_id: str) -> GuestDisk | None:
        return self._disks.get(disk_id)

    def file(self, disk: GuestDisk) -> Path:
        return self._directory(disk) / _DISK_FILE

    def gib_on(self, store: Datastore) -> dict[str, int]:
        there = [disk for disk in self._disks.values() if disk.datastore_id == store.id]
        return {disk.id: disk.capacity_gib for disk in there}

    async def make(self, disk: GuestDisk) -> None:
        async with self._stores[disk.datastore_id].claimed({disk.id: disk.capacity_gib}):
            directory = self._directory(disk)
            making = directory.with_name(MAKING + directory.name)
            with on_the_host(f"Making disk {disk.id}"):
                try:
                    await asyncio.to_thread(make_fresh, making)
                    await make_empty(making / _DISK_FILE, disk.capacity_gib)
                    (making / _RECORD_FILE).write_bytes(msgspec.json.encode(disk))
                    await asyncio.to_thread(publish, making, directory)
                finally:
                    shutil.rmtree(making, ignore_errors=True)
            self._disks[disk.id] = disk

    async def delete(self, disk: GuestDisk) -> None:
        await asyncio.to_thread(remove_directory, self._directory(disk))
        self._disks.pop(disk.id, None)
        await self._stores[disk.datastore_id].give_back({disk.id: disk.capacity_gib})

    def _directory(self, disk: GuestDisk) -> Path:
        return self._stores[disk.datastore_id].disks / disk.id
