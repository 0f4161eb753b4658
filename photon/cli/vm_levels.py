"""How each node of the scheduler tree chose, as a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from photon.wire.v1.placement import PlacementLevel


def print_levels(levels: Sequence[PlacementLevel], host: str) -> None:
    """From the root to the leaf, whose choice is the host of this address."""
    from photon.cli.table import print_table

    columns = [
        ("CHOSEN", lambda level: level.chosen),
        ("HOST", lambda level: host if level is levels[-1] else None),
        ("OF", lambda level: level.seen),
        ("FITTING", lambda level: level.fitting),
        ("ASKED", lambda level: level.asked),
        ("SCORE", lambda level: f"{level.score:.3f}"),
        ("BECAUSE", lambda level: ", ".join(f"{k} {v:.3f}" for k, v in level.parts.items())),
    ]
    print_table(columns, levels)
