"""The scheduler tree, as one controller sees it."""

from __future__ import annotations

import msgspec

from photon.domain.topology import NodeKind, NodeState


class TopologyNode(msgspec.Struct, rename="camel"):
    """A node: what is below it in sum, as it was told last. A list has parents before children.

    Amounts offered are after overcommit, of the hosts that take VMs now. `load` is the used share
    of what there is least of. `traits` are what all hosts of a leaf have in common, from the zone
    on. `controllerName` is who answers for it now, and `movingTo` who is about to.
    """

    id: str
    kind: NodeKind
    state: NodeState
    version: int
    parent_id: str | None = None
    controller_id: str | None = None
    controller_name: str | None = None
    moving_to: str | None = None
    traits: list[str] = []
    children: int = 0
    hosts: int = 0
    hosts_ready: int = 0
    load: float = 0.0
    cpus_free: int = 0
    cpus_offered: int = 0
    memory_mib_free: int = 0
    memory_mib_offered: int = 0
    disk_gib_free: int = 0
    disk_gib_offered: int = 0
    chairman_name: str | None = None  # of the root
