"""The scheduler tree, drawn."""

from __future__ import annotations

import pytest

from photon.cli.topology import print_topology
from photon.domain.topology import NodeKind, NodeState
from photon.wire.v1.topology import TopologyNode


def a_node(id: str, kind: NodeKind, parent: str | None = None) -> TopologyNode:
    return TopologyNode(
        id,
        kind,
        NodeState.READY,
        7,
        parent,
        controller_name="c-1",
        hosts=10,
        hosts_ready=10,
        load=0.5,
        cpus_free=80,
        cpus_offered=160,
        memory_mib_free=2048,
        memory_mib_offered=4096,
    )


def test_in_a_pipe_each_node_is_a_line_below_its_parent(capsys: pytest.CaptureFixture[str]) -> None:
    lost = TopologyNode("leaf-2", NodeKind.LEAF, NodeState.REBUILDING, 7, "root", hosts=3)
    nodes = [
        a_node("root", NodeKind.ROOT),
        a_node("b", NodeKind.BRANCH, "root"),
        a_node("leaf-1", NodeKind.LEAF, "b"),
        lost,
    ]
    print_topology(nodes, 8)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] or line.strip().split("  ")[0] for line in lines] == [
        "root",
        "b",
        "leaf-1",
        "leaf-2",
    ]
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 4, 2]
    assert "CPU 80/160" in lines[2]
    assert "memory 2/4 GiB" in lines[2]
    assert lines[3].endswith("0 of 3 hosts ready  REBUILDING")
    print_topology(nodes, 1)
    assert len(capsys.readouterr().out.splitlines()) == 3
