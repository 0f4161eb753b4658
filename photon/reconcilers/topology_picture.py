"""Draws the tree as this controller sees it: its own branches, the leaves of all, their loads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from photon.domain.member import Member
from photon.domain.topology import LeafRow, NodeKind, NodeLoad, NodeState, Picture
from photon.reconcilers.topology_rows import TopologyRows
from photon.scheduler.branch import Branch
from photon.scheduler.summary import Summary

ROOT: Final = "root"

replace = msgspec.structs.replace


def picture(rows: TopologyRows, members: Mapping[str, Member], root: Branch, me: Member) -> Picture:
    """Leaves that nobody answers for hang on the root."""
    nodes = list(_branch(root, NodeLoad(ROOT, NodeKind.ROOT)))
    nodes = [_told(node, rows.leaves.get(node.id), members, me) for node in nodes]
    drawn = {node.id for node in nodes}
    for row in sorted(rows.leaves.values(), key=lambda row: row.id):
        if row.id not in drawn:
            hosts = len(rows.hosts_of(row.id))
            node = NodeLoad(row.id, NodeKind.LEAF, ROOT, hosts=hosts)
            nodes.append(_told(node, row, members, me))
    chairman = members.get(rows.topology.chairman)
    return Picture(
        rows.topology.generation,
        rows.topology.chairman,
        "" if chairman is None else chairman.name,
        tuple(nodes),
    )


def _branch(branch: Branch, node: NodeLoad) -> Iterator[NodeLoad]:
    children = branch.named_children()
    yield _loaded(replace(node, children=len(children)), branch.summary())
    for name, child in children:
        if isinstance(child, Branch):
            id = name if node.kind is NodeKind.ROOT else f"{node.id}/{name}"
            yield from _branch(child, NodeLoad(id, NodeKind.BRANCH, node.id))
        else:
            yield _loaded(NodeLoad(name, NodeKind.LEAF, node.id), child.summary())


def _loaded(node: NodeLoad, summary: Summary) -> NodeLoad:
    return replace(
        node,
        hosts=summary.hosts,
        hosts_ready=summary.hosts_ready,
        cpus_free=summary.free_cpus,
        cpus_offered=summary.cpus_offered,
        memory_mib_free=summary.free_memory_mib,
        memory_mib_offered=summary.memory_mib_offered,
        gib_free=summary.free_gib,
        gib_offered=summary.gib_offered,
    )


def _told(
    node: NodeLoad, row: LeafRow | None, members: Mapping[str, Member], me: Member
) -> NodeLoad:
    """With what the topology's rows say of it."""
    if node.kind is not NodeKind.LEAF or row is None:
        return replace(node, controller_id=me.id, controller_name=me.name)
    owner, heir = members.get(row.owner), members.get(row.heir)
    state = NodeState.READY
    if owner is None:
        state = NodeState.REBUILDING
    elif heir is not None:
        state = NodeState.MOVING
    return replace(
        node,
        state=state,
        traits=row.traits,
        controller_id="" if owner is None else owner.id,
        controller_name="" if owner is None else owner.name,
        heir_name="" if heir is None else heir.name,
    )
