"""What the sagas of persistent disks are asked to do."""

from __future__ import annotations

import msgspec

from photon.domain.demand import Demand


class CreateDisk(msgspec.Struct, frozen=True):
    disk_id: str
    capacity_gib: int
    demand: Demand


class DeleteDisk(msgspec.Struct, frozen=True):
    disk_id: str
