"""What a benchmark found, as a table for people and one JSON object for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log2

import msgspec
from rich.console import Console
from rich.table import Table

BAR_WIDTH = 40
LINES_MAX = 20  # Of a histogram: it fits under its table on one screen.
PARTS_OF_AN_OCTAVE = (4, 2)  # Into which a doubling of the latency is cut, the finest first.
TABLE_WIDTH = 60  # Whatever the terminal says of itself: a figure is never cut short.


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
    store_commits_per_second: float = 0.0
    write_sets_per_commit: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; `latencies_ms` has one entry an operation that went well."""

    operation: str
    latencies_ms: Sequence[float]
    seconds: float
    cpu_seconds: Mapping[str, float]
    commits: int = 0
    errors: int = 0
    groups: int = 0  # physical commits of the store, and how many write-sets they made durable
    write_sets: int = 0


def result(run: Measured) -> Result:
    """The figures of a run."""
    count = len(run.latencies_ms)
    ordered = sorted(run.latencies_ms)
    done = max(count, 1)
    return Result(
        operation=run.operation,
        count=count,
        seconds=round(run.seconds, 3),
        per_minute=round(count / run.seconds * 60, 1),
        latency_ms=Latency(
            round(percentile(ordered, 0.50), 4), round(percentile(ordered, 0.99), 4)
        ),
        cpu_us_per_op={name: round(cpu / done * 1e6, 1) for name, cpu in run.cpu_seconds.items()},
        commits_per_op=round(run.commits / done, 3),
        errors=run.errors,
        store_commits_per_second=round(run.groups / run.seconds, 1),
        write_sets_per_commit=round(run.write_sets / max(run.groups, 1), 2),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Of ascending numbers, the one that `share` of them do not exceed; 0 when there is none."""
    if not ordered:
        return 0.0
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def show(one: Result, *, as_json: bool) -> None:
    """One JSON object on one line, or a table: a figure a row, so that it fits any terminal."""
    if as_json:
        print(msgspec.json.encode(one).decode())
        return
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    rows = {
        "operation": one.operation,
        "done": f"{one.count:,}",
        "errors": f"{one.errors:,}",
        "seconds": f"{one.seconds:,.1f}",
        "per minute": f"{one.per_minute:,.0f}",
        "p50 ms": f"{one.latency_ms.p50:,.3g}",
        "p99 ms": f"{one.latency_ms.p99:,.3g}",
        "commits each": f"{one.commits_per_op:g}",
    }
    if one.store_commits_per_second:
        rows["the store's commits a second"] = f"{one.store_commits_per_second:,.0f}"
        rows["write-sets a commit"] = f"{one.write_sets_per_commit:.1f}"
    rows |= {f"{name} CPU µs each": f"{cpu:,.0f}" for name, cpu in one.cpu_us_per_op.items()}
    for name, value in rows.items():
        table.add_row(name, value)
    Console(width=TABLE_WIDTH).print(table)


def histogram(latencies_ms: Sequence[float]) -> str:
    """How long operations took, each line for up to so many milliseconds."""
    if not latencies_ms:
        return "  nothing was measured"
    octaves = [log2(max(latency * 1000, 1.0)) for latency in latencies_ms]
    # As fine as fits: latencies that differ by little are not all on one line.
    fits = (n for n in PARTS_OF_AN_OCTAVE if (max(octaves) - min(octaves)) * n < LINES_MAX)
    parts = next(fits, 1)
    buckets = Counter(int(octave * parts) for octave in octaves)
    widest = max(buckets.values())
    return "\n".join(
        f"  < {2 ** ((bucket + 1) / parts) / 1000:9,.3f} ms {buckets[bucket]:7,d} "
        f"{'#' * -(-buckets[bucket] * BAR_WIDTH // widest)}"
        for bucket in range(min(buckets), max(buckets) + 1)
    )
