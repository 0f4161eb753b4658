"""A directory that holds guests, disks, images and captures."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.durable import sweep, write_durably
from photon.agent.drivers.qemu.settings import DatastoreSettings
from photon.domain.guest import HostDatastore
from photon.outside.ids import Ids

DATASTORE_TYPE = "EXT3"  # The API's word for a directory of this machine.
LOCAL_TAG = "LOCAL_VMFS"  # The API's word for a datastore that one host alone has.
_IDENTITY = "datastore.json"


class _Identity(msgspec.Struct, frozen=True):
    id: str


@dataclass(frozen=True)
class Datastore:
    id: str
    name: str
    directory: Path

    @property
    def vms(self) -> Path:
        return self.directory / "vms"

    @property
    def disks(self) -> Path:
        return self.directory / "disks"

    @property
    def images(self) -> Path:
        return self.directory / "images"

    @property
    def captures(self) -> Path:
        return self.directory / "captures"

    def measure(self) -> HostDatastore:
        """The datastore as it is now, whole GiB rounded down."""
        room = os.statvfs(self.directory)
        return HostDatastore(
            id=self.id,
            name=self.name,
            type=DATASTORE_TYPE,
            tags=frozenset({LOCAL_TAG}),
            capacity_gib=room.f_blocks * room.f_frsize >> 30,
            free_gib=room.f_bavail * room.f_frsize >> 30,
        )


def open_datastore(settings: DatastoreSettings, ids: Ids) -> Datastore:
    """Finds the datastore's id in its directory, or gives it one; removes what is half made."""
    directory = settings.directory.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    identity = directory / _IDENTITY
    if not identity.exists():
        write_durably(identity, msgspec.json.encode(_Identity(ids.new())))
    found = msgspec.json.decode(identity.read_bytes(), type=_Identity)
    store = Datastore(found.id, settings.name, directory)
    for room in (store.vms, store.disks, store.images, store.captures):
        room.mkdir(exist_ok=True)
        sweep(room)
    return store
