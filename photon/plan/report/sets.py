"""The table of sets of VMs: how many were asked for, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence

from photon.plan.report.content import Rows
from photon.plan.report.words import by_zone
from photon.plan.result import SetOutcome


def outcomes(sets: Sequence[SetOutcome]) -> Rows:
    """A line for each set of VMs."""
    rows = [
        (
            each.name,
            each.flavor,
            f"{each.asked:,}",
            f"{each.made:,}",
            f"{each.started:,}",
            f"{each.refused:,}",
            f"{each.failed:,}",
            f"{each.ended:,}",
            by_zone(each.by_zone),
            each.refusal or each.failure or "-",
        )
        for each in sets
    ]
    columns = (
        "Set",
        "Flavor",
        "Asked",
        "Made",
        "Started",
        "No room",
        "Failed",
        "Ended",
        "By zone",
        "Why not",
    )
    return Rows(columns, rows, frozenset(range(2, 8)))
