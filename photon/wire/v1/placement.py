"""Where VMs are wanted, and why they are where they are. Beyond the contract."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.domain.demand import Affinity, Strategy
from photon.wire.v1.basics import TAG_LENGTH_MAX, ApiError, Name, QuotaLineItem

GROUPS_A_VM_MAX = 16  # Each is counted on each host; who needs more has tags as well.
RULES_A_VM_MAX = 16  # Each is looked up for each host that might take the VM.
MEMBERS_MAX = 10_000  # Of a group, in a limit: more on one host or in one zone is no limit at all.

Limit = Annotated[int, msgspec.Meta(ge=1, le=MEMBERS_MAX)]


class PlacementRule(msgspec.Struct, rename="camel"):
    """How a VM wants to lie to the members of a `group`, or to VMs with a `tag`, of its project.

    TOGETHER: on a host that has one. APART: on a host that then has at most `hostMax` (1, if no
    limit is given) of them, in a zone that has at most `zoneMax`, the VM itself counted. A rule
    that is not `hard` is kept while it can be.
    """

    affinity: Affinity
    group: Name | None = None
    tag: Annotated[str, msgspec.Meta(min_length=1, max_length=TAG_LENGTH_MAX)] | None = None
    hard: bool = True
    host_max: Limit | None = None
    zone_max: Limit | None = None


class VmPlacementSpec(msgspec.Struct, rename="camel"):
    """`groups` are those that the VM is a member of; they need not exist before. Without a
    `strategy` it is the project's."""

    strategy: Strategy | None = None
    groups: Annotated[list[Name], msgspec.Meta(max_length=GROUPS_A_VM_MAX)] | None = None
    rules: Annotated[list[PlacementRule], msgspec.Meta(max_length=RULES_A_VM_MAX)] | None = None


class ProjectPlacement(msgspec.Struct, rename="camel"):
    """The strategy of VMs that ask for none: SPREAD to the emptiest host, PACK to the fullest."""

    strategy: Strategy


class PlacementLevel(msgspec.Struct, rename="camel"):
    """How one node of the scheduler tree chose: of `seen` children (hosts, at a leaf) `fitting` met
    all that does not depend on room, and the `asked`th that was asked took the VM."""

    chosen: str
    seen: int
    fitting: int
    asked: int
    score: float
    parts: dict[str, float]


class VmPlacement(msgspec.Struct, rename="camel"):
    """`levels` goes from the root to the leaf; `refusals` are the hosts that did not take it."""

    vm_id: str
    host: str
    datastore: str
    score: float
    levels: list[PlacementLevel]
    refusals: list[str]


class PlacementReason(msgspec.Struct, rename="camel"):
    """So many hosts had this reason. `needed` and `best` are vCPUs, MiB or GiB, `best` being the
    most that any of them had; null where the reason has no amount."""

    reason: str
    hosts: int
    needed: int | None
    best: int | None


class PlacementLack(msgspec.Struct):
    reason: str
    needed: int | None
    free: int | None


class NearestHost(msgspec.Struct):
    """The host that came nearest to taking it, and all that it lacks."""

    host: str
    lacks: list[PlacementLack]


class PlacementRefusal(msgspec.Struct, rename="camel"):
    """Why nothing fits: of `hostsAsked` hosts, so many each reason, most frequent first."""

    hosts_asked: int
    reasons: list[PlacementReason]
    nearest: NearestHost | None


class VmDryRun(msgspec.Struct, rename="camel"):
    """What would become of a VM. It `fits` on `host`, chosen from the root to the leaf as `levels`
    tell, or it does not, with the `error` that its task would end with and the `refusal` behind it.
    `cost` is what its project would be charged. Nothing is held: a moment later it may be another.
    """

    kind: str
    fits: bool
    cost: list[QuotaLineItem]
    host: str | None = None
    datastore: str | None = None
    score: float | None = None
    levels: list[PlacementLevel] = msgspec.field(default_factory=list)
    error: ApiError | None = None
    refusal: PlacementRefusal | None = None
