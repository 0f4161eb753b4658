"""Disks: persistent ones, which live by themselves, and ephemeral ones, which are part of a VM."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from photon.domain.affinity import Affinity
from photon.domain.flavor import FlavorKind
from photon.domain.quota import Amount


class DiskState(StrEnum):
    CREATING = "CREATING"
    DETACHED = "DETACHED"
    ATTACHED = "ATTACHED"
    ERROR = "ERROR"


class DiskOperation(StrEnum):
    ATTACH = "ATTACH_DISK"
    DETACH = "DETACH_DISK"
    DELETE = "DELETE_DISK"


# Checked in the request (contract, 3.2). What is not here is not allowed.
DISK_OPERATION_FROM: Final[Mapping[DiskOperation, frozenset[DiskState]]] = {
    DiskOperation.ATTACH: frozenset({DiskState.DETACHED}),
    DiskOperation.DETACH: frozenset(DiskState),
    DiskOperation.DELETE: frozenset({DiskState.CREATING, DiskState.DETACHED, DiskState.ERROR}),
}


class PersistentDisk(msgspec.Struct, frozen=True):
    id: str
    project_id: str
    name: str
    flavor_id: str
    flavor: str
    capacity_gib: int
    cost: tuple[Amount, ...]
    state: DiskState = DiskState.CREATING
    tags: tuple[str, ...] = ()
    affinities: tuple[Affinity, ...] = ()
    host_id: str | None = None
    datastore_id: str | None = None
    vm_id: str | None = None
    task_id: str | None = None
    generation: int = 0


class VmDisk(msgspec.Struct, frozen=True):
    """A disk as its VM keeps it: an ephemeral one whole, a persistent one while it is attached."""

    id: str
    name: str
    kind: FlavorKind
    flavor: str
    flavor_id: str
    capacity_gib: int
    boot: bool
    state: DiskState
    cost: tuple[Amount, ...] = ()

    @staticmethod
    def plugged(disk: PersistentDisk) -> VmDisk:
        """A persistent disk as the VM keeps it that it is attached to. Its cost stays its own."""
        return VmDisk(
            id=disk.id,
            name=disk.name,
            kind=FlavorKind.PERSISTENT_DISK,
            flavor=disk.flavor,
            flavor_id=disk.flavor_id,
            capacity_gib=disk.capacity_gib,
            boot=False,
            state=DiskState.ATTACHED,
        )


class EphemeralDisk(msgspec.Struct, frozen=True):
    """Finds an ephemeral disk's VM, and what uses a flavor. The disk itself is in the VM."""

    id: str
    vm_id: str
    flavor_id: str
    generation: int = 0
