"""Placements by a scheduler tree in this process: no network, no store."""

from __future__ import annotations

from bench.place import run
from bench.result import Measured


def placements(hosts: int, count: int, case: str) -> tuple[Measured, str]:
    """`count` placements of mixed sizes, one after the other, and why the first of those failed
    that found no host."""
    found = run(hosts, count, case)
    refused = count - found.placed
    measured = Measured(
        "place",
        found.latencies_ms,
        seconds=found.seconds,
        cpu_seconds={"controller-1": found.cpu_seconds},
        errors=refused,
    )
    problem = f"{refused} demands found no room on {hosts} hosts" if refused else ""
    return measured, problem
