"""What `bin/bench balance` and `pack` found, as a table or as JSON."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.table import Table

from bench.evenness import Compared
from bench.result import TABLE_WIDTH

_WHAT = {"balance": "max/mean load", "pack": "share of memory used"}


def show_compared(found: Compared, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    what = _WHAT[found.operation]
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, value in {
        "operation": found.operation,
        "hosts": f"{found.hosts:,}",
        "guests placed": f"{found.placed:,}",
        "guests, all hosts seen at once": f"{found.placed_all_at_once:,}",
        what: f"{found.tree:.4f}",
        "  all hosts seen at once": f"{found.all_at_once:.4f}",
        "ratio": f"{found.ratio:.4f}",
    }.items():
        table.add_row(name, value)
    Console(width=TABLE_WIDTH).print(table)
