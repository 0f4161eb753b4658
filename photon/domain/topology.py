"""How hosts are divided among leaves, and leaves among controllers: what the chairman writes.

A host's *traits* are what placements ask for by name: hosts that have them in common belong
together, so that a leaf can be left out as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

from photon.domain.host import Host

TOPOLOGY_ID: Final = "topology"  # There is one row of it.
NOBODY: Final = ""
_DIGEST_BYTES: Final = 8  # Two sets of names that clash are only less well divided.
_SHARED_TYPES: Final = frozenset({"SHARED_VMFS", "NFS_3", "NFS_41", "VSAN"})


class Traits(msgspec.Struct, frozen=True, array_like=True):
    """From the one that most demands name to the one that fewest do."""

    zone: str
    usage: str
    reach: str  # a digest of the networks, and of the datastores that hosts share

    @staticmethod
    def of(host: Host, shared: Iterable[str]) -> Traits:
        """`shared`: ids of the host's datastores that other hosts may reach as well."""
        reach = "\n".join([*sorted(set(host.networks)), "", *sorted(set(shared))])
        return Traits(
            host.zone_id or "",
            "+".join(sorted(set(host.usage_tags))),
            blake2b(reach.encode(), digest_size=_DIGEST_BYTES).hexdigest(),
        )


def is_shared(datastore_type: str) -> bool:
    """Whether several hosts may reach a datastore of this type."""
    return datastore_type.upper() in _SHARED_TYPES


class Topology(msgspec.Struct, frozen=True):
    """The tree as a whole. Its generation is the tree's version: each change that the chairman
    makes rewrites this row, so that one who was deposed cannot change anything any more."""

    id: str = TOPOLOGY_ID
    chairman: str = NOBODY  # a member's id
    fence: int = 0
    leaf_hosts_max: int = 0
    fan_out_max: int = 0
    leaves_made: int = 0  # names of leaves are never given twice
    generation: int = 0


class LeafRow(msgspec.Struct, frozen=True):
    """A leaf of the scheduler tree.

    `owner` is the member that answers for it, NOBODY when that one died. `heir` builds it, and
    then writes itself as the owner: the one change of a leaf that is not the chairman's.
    """

    id: str
    traits: tuple[str, ...] = ()  # that all its hosts have: the first few of their Traits
    owner: str = NOBODY
    heir: str = NOBODY
    leaving: bool = False  # its owner stops, and wishes that somebody else took it
    generation: int = 0


class HostSeat(msgspec.Struct, frozen=True):
    """A host's place: `id` is the host's. `leaf_id` is "" while the chairman is yet to choose it.

    A host that moves to another controller's leaf stays in `leaf_id` until the owner of
    `next_leaf_id` knows what it holds, and writes that it has moved.
    """

    id: str
    leaf_id: str
    traits: Traits
    next_leaf_id: str = ""
    generation: int = 0


class NodeKind(StrEnum):
    ROOT = "ROOT"
    BRANCH = "BRANCH"
    LEAF = "LEAF"


class NodeState(StrEnum):
    READY = "READY"
    MOVING = "MOVING"  # served, while another controller makes ready to take it over
    REBUILDING = "REBUILDING"  # its controller died; another one is building it


class NodeLoad(msgspec.Struct, frozen=True):
    """A node of the tree as one controller sees it, with the latest sums that it was told."""

    id: str
    kind: NodeKind
    parent_id: str = ""
    controller_id: str = NOBODY
    controller_name: str = ""
    heir_name: str = ""  # who is about to answer for it
    state: NodeState = NodeState.READY
    traits: tuple[str, ...] = ()
    children: int = 0
    hosts: int = 0
    hosts_ready: int = 0
    cpus_free: int = 0
    cpus_offered: int = 0
    memory_mib_free: int = 0
    memory_mib_offered: int = 0
    gib_free: int = 0
    gib_offered: int = 0


class Picture(msgspec.Struct, frozen=True):
    """The whole tree, parents before their children, at one version of the topology."""

    version: int
    chairman_id: str
    chairman_name: str
    nodes: tuple[NodeLoad, ...]
