"""Placements by one leaf under one root, in this process: no network, no store."""

from __future__ import annotations

from bench.place import run
from bench.result import Latency, Result


def placements(hosts: int, count: int) -> Result:
    """`count` placements of mixed sizes; the CPU time of one is also its latency."""
    figures = run(hosts, count)
    each_ms = figures["us_each"] / 1000
    return Result(
        operation="place",
        count=count,
        seconds=round(figures["us_each"] * count / 1e6, 3),
        per_minute=figures["each_second"] * 60.0,
        latency_ms=Latency(each_ms, each_ms),
        cpu_us_per_op={"controller-1": figures["us_each"]},
        commits_per_op=0.0,
        errors=count - figures["placed"],
    )
