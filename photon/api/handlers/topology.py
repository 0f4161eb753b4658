"""The scheduler tree, for operators."""

from __future__ import annotations

from photon.api.paging import list_of
from photon.api.plane import Plane
from photon.api.route import Call, PageQuery
from photon.domain.topology import NodeKind, NodeLoad, Picture
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.topology import TopologyNode


async def show_topology(plane: Plane, call: Call[PageQuery, None]) -> ResourceList[TopologyNode]:
    """Parents come before their children. Each page is of the tree as it is when asked for."""
    drawn = plane.topology()
    nodes = [_view(node, drawn) for node in drawn.nodes]
    return list_of(call, nodes, lambda node: node.id)


def _view(node: NodeLoad, drawn: Picture) -> TopologyNode:
    return TopologyNode(
        id=node.id,
        kind=node.kind,
        state=node.state,
        version=drawn.version,
        parent_id=node.parent_id or None,
        controller_id=node.controller_id or None,
        controller_name=node.controller_name or None,
        moving_to=node.heir_name or None,
        traits=list(node.traits),
        children=node.children,
        hosts=node.hosts,
        hosts_ready=node.hosts_ready,
        load=round(_load(node), 4),
        cpus_free=node.cpus_free,
        cpus_offered=node.cpus_offered,
        memory_mib_free=node.memory_mib_free,
        memory_mib_offered=node.memory_mib_offered,
        disk_gib_free=node.gib_free,
        disk_gib_offered=node.gib_offered,
        chairman_name=drawn.chairman_name or None if node.kind is NodeKind.ROOT else None,
    )


def _load(node: NodeLoad) -> float:
    shares = [
        1 - free / offered
        for free, offered in (
            (node.cpus_free, node.cpus_offered),
            (node.memory_mib_free, node.memory_mib_offered),
            (node.gib_free, node.gib_offered),
        )
        if offered
    ]
    return max(shares, default=0.0)
