"""photon system topology, drawn: a tree on a terminal, indented lines in a pipe."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from photon.wire.v1.topology import TopologyNode

BAR_CELLS: Final = 10
INDENT: Final = "  "
# Full is bad news; nearly full is time to buy hosts.
NEARLY_FULL: Final = 0.75
FULL: Final = 0.9
STATE_STYLES: Final = {"MOVING": "yellow", "REBUILDING": "bold red"}


def print_topology(nodes: Sequence[TopologyNode], depth: int) -> None:
    """`nodes` has parents before their children; `depth` levels below the root are drawn."""
    if sys.stdout.isatty():
        _draw(nodes, depth)
        return
    levels: dict[str, int] = {}
    for node in nodes:
        level = levels[node.id] = levels.get(node.parent_id or "", -1) + 1
        if level <= depth:
            print(INDENT * level + INDENT.join([node.id, *_words(node)]))


def _draw(nodes: Sequence[TopologyNode], depth: int) -> None:
    from rich.console import Console
    from rich.tree import Tree

    drawn: dict[str, tuple[Tree, int]] = {}
    top: Tree | None = None
    for node in nodes:
        parent = drawn.get(node.parent_id or "")
        if parent is None:
            top = Tree(_text(node), guide_style="dim")
            drawn[node.id] = top, 0
        elif parent[1] < depth:
            drawn[node.id] = parent[0].add(_text(node)), parent[1] + 1
    if top is not None:
        Console().print(top)


def _text(node: TopologyNode) -> Text:
    from rich.text import Text

    style = "red" if node.load >= FULL else "yellow" if node.load >= NEARLY_FULL else "green"
    full = round(node.load * BAR_CELLS)
    bar = (("█" * full, style), ("░" * (BAR_CELLS - full), "dim")) if node.hosts_ready else ()
    words = [word for word in _words(node) if word != node.state]
    return Text.assemble(
        (node.id, "bold"),
        "  ",
        *bar,
        f" {INDENT.join(words)}",
        ("" if node.state == "READY" else f"  {node.state}", STATE_STYLES.get(node.state, "")),
    )


def _words(node: TopologyNode) -> list[str]:
    words = [f"{node.load:.0%}", _hosts(node)]
    if node.hosts_ready:
        words.append(f"CPU {node.cpus_free:,}/{node.cpus_offered:,}")
        free_gib, offered_gib = node.memory_mib_free // 1024, node.memory_mib_offered // 1024
        words.append(f"memory {free_gib:,}/{offered_gib:,} GiB")
        words.append(f"disk {node.disk_gib_free:,}/{node.disk_gib_offered:,} GiB free")
    kinds = [kind for kind in node.traits[:2] if kind]
    if kinds:
        words.append(" ".join(kinds))
    if node.controller_name:
        words.append(f"on {node.controller_name}")
    if node.moving_to:
        words.append(f"→ {node.moving_to}")
    if node.chairman_name:
        words.append(f"version {node.version}, chairman {node.chairman_name}")
    if node.state != "READY":
        words.append(node.state)
    return words


def _hosts(node: TopologyNode) -> str:
    if node.hosts_ready == node.hosts:
        return f"{node.hosts:,} hosts"
    return f"{node.hosts_ready:,} of {node.hosts:,} hosts ready"


COLUMNS: Final = (
    ("ID", lambda node: node.id),
    ("KIND", lambda node: node.kind),
    ("CONTROLLER", lambda node: node.controller_name or ""),
    ("HOSTS", lambda node: node.hosts),
    ("LOAD", lambda node: f"{node.load:.0%}"),
    ("STATE", lambda node: node.state),
)
