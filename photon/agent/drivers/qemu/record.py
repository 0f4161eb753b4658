"""What a guest's directory says about it: the one source of truth of the driver."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.durable import remove_directory, write_durably
from photon.domain.guest import Guest, GuestDisk, GuestSpec, GuestState

_log = logging.getLogger(__name__)
SPEC_FILE = "spec.json"
SERIAL_LOG = "serial.log"
QEMU_LOG = "qemu.log"
ENVIRONMENT_FILE = "environment.json"


class Attached(msgspec.Struct, frozen=True):
    """A persistent disk in one of the guest's slots, where it stays while it is attached."""

    disk: GuestDisk
    slot: int


class VmRecord(msgspec.Struct, frozen=True):
    spec: GuestSpec
    attached: tuple[Attached, ...] = ()

    def guest(self, state: GuestState) -> Guest:
        return Guest(
            vm_id=self.spec.vm_id,
            name=self.spec.name,
            state=state,
            cpus=self.spec.cpus,
            memory_mib=self.spec.memory_mib,
            datastore_id=self.spec.datastore_id,
            disks=self.spec.disks + tuple(each.disk for each in self.attached),
        )

    def slot_of(self, disk_id: str) -> int | None:
        return next((each.slot for each in self.attached if each.disk.id == disk_id), None)

    def with_disk(self, disk: GuestDisk, slot: int) -> VmRecord:
        return msgspec.structs.replace(self, attached=(*self.attached, Attached(disk, slot)))

    def without_disk(self, disk_id: str) -> VmRecord:
        left = tuple(each for each in self.attached if each.disk.id != disk_id)
        return msgspec.structs.replace(self, attached=left)


def ephemeral_disk_file(directory: Path, disk_id: str) -> Path:
    return directory / f"{disk_id}.qcow2"


def write_record(directory: Path, record: VmRecord) -> None:
    write_durably(directory / SPEC_FILE, msgspec.json.encode(record))


def read_records(vms: Path) -> dict[Path, VmRecord]:
    """Every guest's directory and record; a directory without a record is half made and goes."""
    records = {}
    for directory in sorted(vms.iterdir()):
        try:
            content = (directory / SPEC_FILE).read_bytes()
        except FileNotFoundError:
            remove_directory(directory)
            continue
        try:
            records[directory] = msgspec.json.decode(content, type=VmRecord)
        except msgspec.DecodeError as error:
            # One that nobody can read is left for a person; the other guests are served.
            _log.error("Guest %s is left out: %s", directory, error)
    return records
