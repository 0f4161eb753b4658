"""What the sagas of VMs are asked to do. Kept in tasks, so later releases must read it too."""

from __future__ import annotations

import msgspec

from photon.domain.demand import Demand
from photon.domain.guest import ConsoleKind, GuestSpec, PowerOp


class CreateVm(msgspec.Struct, frozen=True):
    """`spec` lacks only its datastores and the image's URL, which are known once it is placed."""

    demand: Demand
    spec: GuestSpec


class DeleteVm(msgspec.Struct, frozen=True):
    vm_id: str


class PowerVm(msgspec.Struct, frozen=True):
    vm_id: str
    op: PowerOp


class VmDiskOrder(msgspec.Struct, frozen=True):
    """Attach or detach."""

    vm_id: str
    disk_id: str


class AskVm(msgspec.Struct, frozen=True):
    """A question to the VM's host: its networks."""

    vm_id: str


class OpenConsole(msgspec.Struct, frozen=True):
    vm_id: str
    kind: ConsoleKind
