"""What a benchmark found, as a table for people and one JSON object for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from rich.console import Console
from rich.table import Table


class Latency(msgspec.Struct):
    """Milliseconds."""

    p50: float
    p99: float


class Result(msgspec.Struct):
    """One operation, done `count` times. CPU is per operation, by process, in microseconds."""

    operation: str
    count: int
    seconds: float
    per_minute: float
    latency_ms: Latency
    cpu_us_per_op: dict[str, float]
    commits_per_op: float
    errors: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; `latencies_ms` has one entry an operation that went well."""

    operation: str
    latencies_ms: Sequence[float]
    seconds: float
    cpu_seconds: Mapping[str, float]
    commits: int = 0
    errors: int = 0


def result(run: Measured) -> Result:
    """The figures of a run."""
    count = len(run.latencies_ms)
    ordered = sorted(run.latencies_ms) or [0.0]
    done = max(count, 1)
    return Result(
        operation=run.operation,
        count=count,
        seconds=round(run.seconds, 3),
        per_minute=round(count / run.seconds * 60, 1),
        latency_ms=Latency(_at(ordered, 0.50), _at(ordered, 0.99)),
        cpu_us_per_op={name: round(cpu / done * 1e6, 1) for name, cpu in run.cpu_seconds.items()},
        commits_per_op=round(run.commits / done, 3),
        errors=run.errors,
    )


def _at(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)], 2)


def show(results: Sequence[Result], *, as_json: bool) -> None:
    """Prints one JSON object a line, or one table."""
    if as_json:
        for one in results:
            print(msgspec.json.encode(one).decode())
        return
    table = Table("operation", "count", "per minute", "p50 ms", "p99 ms", "commits", "errors")
    names = sorted({name for one in results for name in one.cpu_us_per_op})
    for name in names:
        table.add_column(f"{name} µs", justify="right")
    for one in results:
        table.add_row(
            one.operation,
            f"{one.count:,}",
            f"{one.per_minute:,.0f}",
            f"{one.latency_ms.p50:g}",
            f"{one.latency_ms.p99:g}",
            f"{one.commits_per_op:g}",
            f"{one.errors}",
            *(f"{one.cpu_us_per_op.get(name, 0):,.0f}" for name in names),
        )
    Console().print(table)


def histogram(latencies_ms: Sequence[float]) -> str:
    """How long operations took, in powers of two of a millisecond."""
    if not latencies_ms:
        return "nothing was measured"
    buckets: dict[int, int] = {}
    for latency in latencies_ms:
        bucket = max(0, int(latency).bit_length())
        buckets[bucket] = buckets.get(bucket, 0) + 1
    widest = max(buckets.values())
    return "\n".join(
        f"  < {1 << bucket:6d} ms {count:8,d} {'#' * max(1, count * 50 // widest)}"
        for bucket, count in sorted(buckets.items())
    )
