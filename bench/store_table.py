"""Creates on each kind of store, in turn, as one table: a row a run, then what they come to."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import combinations
from statistics import median

from rich.console import Console
from rich.table import Table

from bench import create
from bench.cloud import POSTGRESQL, CloudShape
from bench.result import Measured, result

TABLE_WIDTH = 124  # Whatever the terminal says of itself: a figure is never cut short.
COLUMNS = (
    "run",
    "a minute",
    "controllers µs",
    "postgresql µs",
    "agent µs",
    "load µs",
    "commits/s",
    "write-sets a commit",
    "errors",
)


def compare(shapes: Sequence[CloudShape], *, vms: int, lines: int, rounds: int) -> bool:
    """Prints the table; whether nothing failed. The first shape is what others are held against."""
    runs: dict[str, list[Measured]] = {_name(shape): [] for shape in shapes}
    table = Table(*COLUMNS)
    table.columns[0].no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for number in range(1, rounds + 1):
        for shape in shapes:
            measured, problem = create.run(shape, vms=vms, lines=lines)
            runs[_name(shape)].append(measured)
            table.add_row(f"{_name(shape)} #{number}", *_figures(measured))
            if problem:
                print(problem, file=sys.stderr)
    console = Console(width=TABLE_WIDTH)
    console.print(table)
    for name, those in runs.items():
        each = [_controllers(one) for one in those]
        console.print(f"{name}: {median(each):,.0f} µs a VM of controllers, median of {len(each)}")
    for name, of in combinations(runs, 2):
        pairs = [
            _controllers(b) / _controllers(a) for a, b in zip(runs[name], runs[of], strict=True)
        ]
        told = ", ".join(f"{pair:.2f}" for pair in pairs)
        console.print(f"{of} / {name}: {median(pairs):.2f}, the median of the pairs {told}")
    return not any(one.errors for those in runs.values() for one in those)


def _name(shape: CloudShape) -> str:
    return f"{shape.store} ×{shape.controllers}"


def _controllers(run: Measured) -> float:
    """CPU of all of them a VM, in microseconds."""
    used = sum(cpu for name, cpu in run.cpu_seconds.items() if name.startswith("controller"))
    return used / max(len(run.latencies_ms), 1) * 1e6


def _figures(run: Measured) -> list[str]:
    one = result(run)
    cpu = one.cpu_us_per_op
    own = cpu.get(POSTGRESQL)
    return [
        f"{one.per_minute:,.0f}",
        f"{_controllers(run):,.0f}",
        "" if own is None else f"{own:,.0f}",
        f"{cpu['agent-1']:,.0f}",
        f"{cpu['load']:,.0f}",
        f"{one.store_commits_per_second:,.0f}",
        f"{one.write_sets_per_commit:.1f}",
        f"{one.errors}",
    ]
