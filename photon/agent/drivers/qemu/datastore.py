"""A directory that holds guests, disks, images and captures.

One that several hosts share has a directory in it for each of them: no host reads or sweeps what is
another's. What they have in common is its identity, and the claims on its room.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.commands import CommandFailed
from photon.agent.drivers.qemu.durable import MAKING, sweep, sync_directory, write_durably
from photon.agent.drivers.qemu.host_room import HostRoom
from photon.agent.drivers.qemu.mounts import check_locks_are_seen
from photon.agent.drivers.qemu.settings import DatastoreSettings
from photon.domain.guest import HostDatastore
from photon.outside.ids import Ids

DATASTORE_TYPE = "EXT3"  # The API's word for a directory of this machine.
LOCAL_TAG = "LOCAL_VMFS"  # The API's word for a datastore that one host alone has.
SHARED_TYPE = "SHARED_VMFS"  # Its type, and a tag of it, for one that several hosts reach.
_IDENTITY = "datastore.json"
_HOST = "host.json"


class _Identity(msgspec.Struct, frozen=True):
    id: str
    shared: bool = False


@dataclass(frozen=True)
class Datastore:
    """`directory` is what this host has of it; `room` None: this host has all of it."""

    id: str
    name: str
    directory: Path
    room: HostRoom | None = None

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
        capacity_gib = room.f_blocks * room.f_frsize >> 30
        free_gib = room.f_bavail * room.f_frsize >> 30
        if self.room is not None:
            free_gib = max(0, min(free_gib, capacity_gib - self.room.taken_gib))
        return HostDatastore(
            id=self.id,
            name=self.name,
            type=DATASTORE_TYPE if self.room is None else SHARED_TYPE,
            tags=frozenset({LOCAL_TAG if self.room is None else SHARED_TYPE}),
            capacity_gib=capacity_gib,
            free_gib=free_gib,
        )

    async def look(self) -> HostDatastore:
        """As `measure`, with what other hosts have claimed meanwhile."""
        if self.room is None:
            return self.measure()
        await self.room.look()
        return await asyncio.to_thread(self.measure)  # It may be a network away.

    @asynccontextmanager
    async def claimed(self, disks_gib: Mapping[str, int]) -> AsyncIterator[None]:
        """Claims room for what the block makes, if others share it. Refusal."""
        if self.room is None:
            yield
            return
        async with self.room.claimed(disks_gib, self.measure().capacity_gib):
            yield

    async def give_back(self, disks_gib: Mapping[str, int]) -> None:
        if self.room is not None:
            await self.room.give_back(disks_gib)


def open_datastore(settings: DatastoreSettings, ids: Ids, state_dir: Path) -> Datastore:
    """Finds the datastore's id in its directory, or gives it one; removes what is half made.

    Raises:
        CommandFailed: it is not the one that it was, or one host's and not shared, or the reverse;
            or hosts that share it would not see each other's locks.
    """
    root, known = settings.directory.absolute(), state_dir / f"datastore-{settings.name}.json"
    if settings.shared:
        _check_same(known, root)
    root.mkdir(parents=True, exist_ok=True)
    if settings.shared:
        check_locks_are_seen(root.resolve())
    identity = _find_identity(root / _IDENTITY, _Identity(ids.new(), settings.shared))
    if identity.shared != settings.shared:
        what = "is shared by several hosts" if identity.shared else "belongs to one host alone"
        raise CommandFailed(
            f"The datastore in {root} {what}: say so, or choose an empty directory."
        )
    room = None
    if settings.shared:
        write_durably(known, msgspec.json.encode(identity))
        room = HostRoom(root, _find_identity(state_dir / _HOST, _Identity(ids.new())).id)
        room.open()
    store = Datastore(identity.id, settings.name, room.directory if room else root, room)
    for each in (store.vms, store.disks, store.images, store.captures):
        each.mkdir(exist_ok=True)
        sweep(each)
    return store


def _find_identity(path: Path, new: _Identity) -> _Identity:
    """What is there; of several that come first at once, one is."""
    if not path.exists():
        making = path.with_name(f"{MAKING}{new.id}")
        write_durably(making, msgspec.json.encode(new))
        with suppress(FileExistsError):
            os.link(making, path)
        making.unlink()
        sync_directory(path.parent)
    return msgspec.json.decode(path.read_bytes(), type=_Identity)


def _check_same(known: Path, root: Path) -> None:
    """A directory on which nothing is mounted would look like an empty datastore."""
    if not known.exists():
        return
    before, path = known.read_bytes(), root / _IDENTITY
    if not path.exists() or path.read_bytes() != before:
        was = msgspec.json.decode(before, type=_Identity).id
        raise CommandFailed(
            f"{root} is not the datastore {was} that it was: mount its file system. If it is to be "
            f"another one from now on, remove {known}."
        )
