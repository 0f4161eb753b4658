"""What is asked of the scheduler, what it answers, and why it could not."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from photon.domain.affinity import AffinityKind
from photon.domain.host import UsageTag


class Strategy(StrEnum):
    SPREAD = "SPREAD"  # the emptiest host: guests share no more of a host than they must
    PACK = "PACK"  # the fullest host that has room: others stay empty, for large guests or for rest


class Affinity(StrEnum):
    TOGETHER = "TOGETHER"  # on a host that has a member; the first member goes anywhere
    APART = "APART"  # not on a host, or not in a zone, that has as many members as it may


class GroupRule(msgspec.Struct, frozen=True):
    """How a VM wants to lie to the members of the group `key`, whether it is one itself or not.

    A rule is looked at when its own VM is placed: for members that come later, all need it. One
    that is not `hard` is kept where a host of the leaf that is asked fits at all. Limits are for
    APART, and count the VM itself; None is no limit.
    """

    key: str
    affinity: Affinity = Affinity.APART
    hard: bool = True
    host_max: int | None = 1
    zone_max: int | None = None


class Wish(msgspec.Struct, frozen=True):
    """What a demand would like and can do without: a host's address, a zone, a port group or a
    datastore by id, or (DATASTORE_TYPE) a type or a tag of a datastore."""

    kind: AffinityKind
    id: str


class DiskDemand(msgspec.Struct, frozen=True):
    id: str
    capacity_gib: int
    datastore_tags: frozenset[str] = frozenset()


class Demand(msgspec.Struct, frozen=True, omit_defaults=True):
    """Room for one VM, or (cpus and memory 0) for one persistent disk.

    `id` is the VM's or the disk's: holding twice for the same id is holding once. Journals keep
    demands, so what is not asked for is not written.
    """

    id: str
    cpus: int = 0
    memory_mib: int = 0
    disks: tuple[DiskDemand, ...] = ()
    project_id: str = ""
    usage: UsageTag = UsageTag.CLOUD
    networks: tuple[str, ...] = ()  # port groups; the host must have them all
    zone_id: str | None = None
    host_address: str | None = None
    datastore_id: str | None = None
    datastore_type: str | None = None
    datastores_reached: frozenset[str] = frozenset()  # each must be within the host's reach
    image_checksum: str = ""
    hosts_excluded: frozenset[str] = frozenset()  # ids of hosts that refused it just now
    hosts_last: frozenset[str] = frozenset()  # that lacked room on a datastore just now
    groups: frozenset[str] = frozenset()  # it is a member of; keys are unique in the whole cloud
    rules: tuple[GroupRule, ...] = ()
    strategy: Strategy = Strategy.SPREAD
    failover: bool = False  # in place of a guest whose host failed: may use what is kept for that
    wishes: tuple[Wish, ...] = ()  # kept where they can be; the more, the better
    dry_run: bool = False  # only asks: the answer is what it would be, and nothing is held

    @property
    def disk_tags(self) -> tuple[frozenset[str], ...]:
        """By disk."""
        return tuple([disk.datastore_tags for disk in self.disks])


class DiskPlacement(msgspec.Struct, frozen=True):
    disk_id: str
    datastore_id: str


# A tree of more levels than this would have more hosts than there are machines.
LEVELS_MAX: Final = 8


class Level(msgspec.Struct, frozen=True):
    """How one node of the scheduler tree chose: among `seen` children, or hosts at a leaf, of which
    `fitting` passed what does not depend on room, the `asked`th that was asked took it."""

    chosen: str
    seen: int
    fitting: int
    asked: int
    score: float
    parts: tuple[tuple[str, float], ...] = ()  # what the score was added up from

    def in_short(self) -> str:
        return f"{self.chosen} of {self.fitting}/{self.seen} by {self.score:.3f}"


class Placement(msgspec.Struct, frozen=True):
    """A host, and a datastore for each disk; held under the demand's id until its lease ends.

    `why` tells the choice from the leaf upwards; what is held already is answered again with as
    much of it as is remembered.
    """

    demand_id: str
    host_id: str
    host_address: str
    agent_endpoint: str
    datastore_id: str
    disks: tuple[DiskPlacement, ...]
    score: float = 0.0
    why: tuple[Level, ...] = ()

    def in_short(self) -> str:
        """From the root: who was chosen, of how many fitting and seen, by which score."""
        return "; ".join([level.in_short() for level in reversed(self.why)])

    def under(self, level: Level) -> Placement:
        """As it looks from one level further up."""
        return Placement(
            self.demand_id,
            self.host_id,
            self.host_address,
            self.agent_endpoint,
            self.datastore_id,
            self.disks,
            self.score,
            (*self.why[: LEVELS_MAX - 1], level),
        )


class Reason(StrEnum):
    """Why a host was not taken: the reasons that nodes give or know without asking each host.

    There are more: each module of `photon.scheduler.filters` has one, so the set is open, and
    counts of reasons have text. A node takes none that its own release does not know.
    """

    EXCLUDED = "EXCLUDED"  # refused this very demand a moment ago
    NOT_READY = "NOT_READY"  # suspended, in maintenance, not provisioned
    NODE_SILENT = "NODE_SILENT"  # could not be asked: its scheduler node does not answer
    WRONG_USAGE = "WRONG_USAGE"  # not a CLOUD (or MGMT) host
    OTHER_HOST = "OTHER_HOST"  # another host was asked for by name
    OTHER_ZONE = "OTHER_ZONE"
    NO_NETWORK = "NO_NETWORK"
    NO_DATASTORE_REACH = "NO_DATASTORE_REACH"  # cannot see a datastore that it must see
    NO_DATASTORE_TAG = "NO_DATASTORE_TAG"  # no datastore with the tags or of the type asked for
    TOO_LITTLE_CPU = "TOO_LITTLE_CPU"
    TOO_LITTLE_MEMORY = "TOO_LITTLE_MEMORY"
    TOO_LITTLE_DISK = "TOO_LITTLE_DISK"


class ReasonCount(msgspec.Struct, frozen=True):
    """So many hosts had this reason. `needed` and `best` are in the reason's own unit (vCPUs, MiB,
    GiB), `best` being the most that any of them had; None where the reason has no amount."""

    reason: str
    hosts: int
    needed: int | None = None
    best: int | None = None


class Lack(msgspec.Struct, frozen=True):
    """What one host lacks: `needed` and `free` in the reason's unit, None if it has no amount."""

    reason: str
    needed: int | None = None
    free: int | None = None


class NearMiss(msgspec.Struct, frozen=True):
    """The host that came nearest, and all that it lacks. `distance` compares two: what is missing
    of each amount, as a share of what is needed, added up; more than that for what is no amount."""

    host_address: str
    lacks: tuple[Lack, ...]
    distance: float


class NoPlacement(msgspec.Struct, frozen=True):
    """Nothing fits: of `hosts_asked` hosts, so many each reason; most frequent first.

    `nearest` is of the hosts that were looked at one by one; None if all were ruled out together.
    """

    hosts_asked: int
    reasons: tuple[ReasonCount, ...]
    nearest: NearMiss | None = None
