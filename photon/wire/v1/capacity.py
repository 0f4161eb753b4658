"""How many more VMs of one sort there is room for. Beyond the contract."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.wire.v1.affinity import Affinities
from photon.wire.v1.basics import NonEmpty
from photon.wire.v1.placement import PlacementRefusal
from photon.wire.v1.vm import DISKS_A_VM_MAX, SUBNETS_A_VM_MAX, AttachedDiskCreateSpec

COUNT_MAX = 1_000_000_000  # More than any cloud has; whoever asks for more asks for none.


class CapacitySpec(msgspec.Struct, rename="camel"):
    """A VM, as it would be asked for. The boot disk is as large as the image, if one is named, and
    else as its `capacityGb` says. Without `subnets` it would be on the default one, if there is
    any. `count` asks whether so many fit."""

    flavor: NonEmpty
    source_image_id: str | None = None
    attached_disks: (
        Annotated[list[AttachedDiskCreateSpec], msgspec.Meta(max_length=DISKS_A_VM_MAX)] | None
    ) = None
    affinities: Affinities | None = None
    subnets: Annotated[list[str], msgspec.Meta(max_length=SUBNETS_A_VM_MAX)] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=COUNT_MAX)] | None = None


class RunsOut(msgspec.Struct, rename="camel"):
    """What ends it: a reason of `hosts` hosts, of which the best has `left` of what is `needed`;
    or QUOTA, whose `key` has no room for more. `explanation` is the same in words."""

    what: str
    explanation: str
    key: str | None = None
    hosts: int | None = None
    needed: int | None = None
    left: int | None = None


class ZoneCapacity(msgspec.Struct, rename="camel"):
    """If all of them were put into this zone."""

    id: str
    name: str
    count: int
    what: str | None  # runs out first there


class Capacity(msgspec.Struct, rename="camel"):
    """`count` more could be made now: so many have room `onHosts`, and so many are `withinQuota`
    (null: the quota limits none of it). `fits` answers `asked`. Without `exact`, `onHosts` is the
    most that any order of placing could reach. Why no more have room is the `refusal`."""

    kind: str
    count: int
    on_hosts: int
    within_quota: int | None
    exact: bool
    asked: int | None
    fits: bool | None
    runs_out_first: RunsOut | None
    refusal: PlacementRefusal
    zones: list[ZoneCapacity]
