"""VMs (contract, 2.8)."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from photon.domain.disk import DiskState
from photon.domain.missing_host import AgentState
from photon.domain.vm import VmState
from photon.wire.v1.affinity import Affinities
from photon.wire.v1.basics import TAG_LENGTH_MAX, Name, NonEmpty, QuotaLineItem, check_name
from photon.wire.v1.placement import VmPlacementSpec

DISKS_A_VM_MAX = 16  # What a host has slots for.
SUBNETS_A_VM_MAX = 8  # One card each.
TAGS_MAX = 64  # All of them travel with each list of VMs.
CAPACITY_GIB_MAX = 1 << 20  # A pebibyte: whoever means more means a typing mistake.

TagText = Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_LENGTH_MAX)]
TextMap = Annotated[
    dict[
        Annotated[str, msgspec.Meta(max_length=256)], Annotated[str, msgspec.Meta(max_length=65536)]
    ],
    msgspec.Meta(max_length=256),
]


class AttachedDiskCreateSpec(msgspec.Struct, rename="camel"):
    """`kind` is checked by the handler, whose sentence says what is wrong with a persistent one."""

    name: Name
    flavor: Name
    kind: str | None = None
    capacity_gb: Annotated[int, msgspec.Meta(ge=1, le=CAPACITY_GIB_MAX)] | None = None
    boot_disk: bool | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_name(self.flavor)


class VmCreateSpec(msgspec.Struct, rename="camel"):
    """What the contract checks by hand (disks, image, affinities) is optional here."""

    name: Name
    flavor: NonEmpty
    source_image_id: str | None = None
    attached_disks: (
        Annotated[list[AttachedDiskCreateSpec], msgspec.Meta(max_length=DISKS_A_VM_MAX)] | None
    ) = None
    tags: Annotated[list[TagText], msgspec.Meta(max_length=TAGS_MAX)] | None = None
    environment: TextMap | None = None
    metadata: TextMap | None = None
    affinities: Affinities | None = None
    subnets: Annotated[list[str], msgspec.Meta(max_length=SUBNETS_A_VM_MAX)] | None = None
    networks: Annotated[list[str], msgspec.Meta(max_length=SUBNETS_A_VM_MAX)] | None = None
    kind: str | None = None
    placement: VmPlacementSpec | None = None

    def __post_init__(self) -> None:
        check_name(self.name)


class AttachedDisk(msgspec.Struct, rename="camel"):
    id: str
    name: str
    kind: str
    flavor: str
    state: DiskState
    capacity_gb: int
    boot_disk: bool


class Vm(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    state: VmState
    flavor: str
    cost: list[QuotaLineItem]
    tags: list[str]
    attached_disks: list[AttachedDisk]
    source_image_id: str | None
    host: str | None
    datastore: str | None
    attached_isos: list[dict[str, Any]]
    metadata: dict[str, str]
    floating_ip: str | None
    project_id: str
    # Beyond the contract: whether its host is heard. While that is MISSING, `state` is the last one
    # that was known.
    host_state: AgentState | None = None
    placement: VmPlacementSpec | None = None
    # Beyond the contract: why it has a state that nobody asked for.
    state_reason: str | None = None


class VmDiskOperation(msgspec.Struct, rename="camel"):
    disk_id: NonEmpty
    arguments: dict[str, str] | None = None


class VmMetadata(msgspec.Struct):
    metadata: TextMap


class Tag(msgspec.Struct):
    value: TagText


class NetworkConnection(msgspec.Struct, rename="camel"):
    network: str | None
    mac_address: str
    ip_address: str | None
    netmask: str | None
    is_connected: str  # True, False or Unknown


class VmNetworks(msgspec.Struct, rename="camel"):
    network_connections: list[NetworkConnection]


class MksTicket(msgspec.Struct):
    host: str
    port: int
    cfg_file: str
    ticket: str
    ssl_thumbprint: str
