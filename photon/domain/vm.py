"""A VM: what the control plane promised its owner, and what may be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from photon.domain.affinity import Affinity
from photon.domain.disk import VmDisk
from photon.domain.flavor import FlavorKind
from photon.domain.guest import GuestState
from photon.domain.placement_asked import PlacementAsked, group_keys
from photon.domain.quota import Amount


class VmState(StrEnum):
    CREATING = "CREATING"
    STARTED = "STARTED"
    SUSPENDED = "SUSPENDED"
    STOPPED = "STOPPED"
    ERROR = "ERROR"


# Power operations are not checked here: the host has the last word (contract, 3.1).
STATE_OF_GUEST: Final[Mapping[GuestState, VmState]] = {
    GuestState.STARTED: VmState.STARTED,
    GuestState.STOPPED: VmState.STOPPED,
    GuestState.SUSPENDED: VmState.SUSPENDED,
    GuestState.ERROR: VmState.ERROR,
}


class Nic(msgspec.Struct, frozen=True):
    """One of a VM's network cards. Its id is the VM's id, a slash and its place."""

    id: str
    vm_id: str
    subnet_id: str
    network: str  # the port group
    mac_address: str
    generation: int = 0


class Vm(msgspec.Struct, frozen=True):
    """`task_id` is the lock: the one task that may now work on this VM."""

    id: str
    project_id: str
    name: str
    flavor_id: str
    flavor: str
    image_id: str
    cost: tuple[Amount, ...]
    cpus: int
    memory_mib: int
    state: VmState = VmState.CREATING
    state_reason: str | None = None  # of a state that no task of its own brought about
    disks: tuple[VmDisk, ...] = ()
    nic_ids: tuple[str, ...] = ()
    host_id: str | None = None
    host_address: str | None = None
    datastore_id: str | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    affinities: tuple[Affinity, ...] = ()
    asked: PlacementAsked | None = None
    task_id: str | None = None
    generation: int = 0

    @property
    def group_keys(self) -> frozenset[str]:
        """What it is a member of, in the words of the scheduler."""
        groups = () if self.asked is None else self.asked.groups
        return group_keys(self.project_id, groups, self.tags)

    @property
    def ephemeral_disks(self) -> tuple[VmDisk, ...]:
        return tuple(disk for disk in self.disks if disk.kind is FlavorKind.EPHEMERAL_DISK)

    @property
    def persistent_disks(self) -> tuple[VmDisk, ...]:
        return tuple(disk for disk in self.disks if disk.kind is FlavorKind.PERSISTENT_DISK)


def all_costs(vm: Vm) -> list[tuple[Amount, ...]]:
    """What the VM and its ephemeral disks are charged: one cost each."""
    return [vm.cost, *(disk.cost for disk in vm.ephemeral_disks)]
