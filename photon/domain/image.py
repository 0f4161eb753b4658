"""An image: what a VM's boot disk is a copy-on-write child of (contract, 7.2)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from photon.domain.readiness import Readiness


class ReplicationType(StrEnum):
    EAGER = "EAGER"  # on every datastore before it is asked for
    ON_DEMAND = "ON_DEMAND"  # where a VM first needs it


class ImageSetting(msgspec.Struct, frozen=True):
    name: str
    default_value: str


class Image(msgspec.Struct, frozen=True):
    """`checksum` (sha256 of the stored qcow2) is empty until the upload is complete."""

    id: str
    name: str
    replication_type: ReplicationType
    state: Readiness = Readiness.CREATING
    project_id: str | None = None  # None: for everybody (scope deployment)
    size_bytes: int = 0  # of the virtual disk
    file_size_bytes: int = 0
    checksum: str = ""
    settings: tuple[ImageSetting, ...] = ()
    replication_percent: int = 0  # of all datastores
    seeding_percent: int = 0  # of the image datastores
    task_id: str | None = None
    generation: int = 0

    @property
    def capacity_gib(self) -> int:
        """A boot disk's capacityGb: whole GiB, rounded down; may be 0 (contract, 6.3)."""
        return self.size_bytes >> 30
