"""Images (contract, 2.7)."""

from __future__ import annotations

import msgspec

from photon.domain.image import ReplicationType
from photon.domain.readiness import Readiness
from photon.wire.v1.basics import Name, NonEmpty, check_name


class ImageSetting(msgspec.Struct, rename="camel"):
    name: str
    default_value: str


class ImageScope(msgspec.Struct):
    kind: str  # deployment or project
    id: str | None


class Image(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    tags: list[str]
    state: Readiness
    size: int
    replication_type: ReplicationType
    settings: list[ImageSetting]
    replication_progress: str
    seeding_progress: str
    scope: ImageScope
    checksum: str | None = None  # sha256 of the stored qcow2; beyond the contract


class ImageCreateSpec(msgspec.Struct, rename="camel"):
    """An image made from a stopped VM. What is no ReplicationType has an error of its own."""

    name: Name
    replication_type: NonEmpty

    def __post_init__(self) -> None:
        check_name(self.name)
