"""Disks (contract, 2.8)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.domain.disk import DiskState
from photon.wire.v1.affinity import Affinities
from photon.wire.v1.basics import Name, NonEmpty, QuotaLineItem, check_name
from photon.wire.v1.vm import CAPACITY_GIB_MAX, TAGS_MAX, TagText


class DiskCreateSpec(msgspec.Struct, rename="camel"):
    name: Name
    kind: Annotated[str, msgspec.Meta(pattern=r"^(persistent-disk|persistent)$", max_length=32)]
    flavor: NonEmpty
    capacity_gb: Annotated[int, msgspec.Meta(ge=1, le=CAPACITY_GIB_MAX)]
    tags: Annotated[list[TagText], msgspec.Meta(max_length=TAGS_MAX)] | None = None
    affinities: Affinities | None = None

    def __post_init__(self) -> None:
        check_name(self.name)


class PersistentDisk(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    state: DiskState
    flavor: str
    cost: list[QuotaLineItem]
    tags: list[str]
    datastore: str | None
    capacity_gb: int
    vms: list[str]


class EphemeralDisk(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    state: DiskState
    flavor: str
    cost: list[QuotaLineItem]
    tags: list[str]
    datastore: str | None
    capacity_gb: int
