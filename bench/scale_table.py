"""What `bin/bench scale` found, as a table with a column a level, or as JSON."""

from __future__ import annotations

import msgspec
from rich.console import Console
from rich.table import Table

from bench.scale import Scale
from bench.scale_probe import Level

NAME_WIDTH = 34
LEVEL_WIDTH = 14


def show_scale(found: Scale, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    table = Table(caption=f"{found.hosts:,} hosts, {found.agents} agents; filled: {found.filled}")
    table.add_column("VMs there", no_wrap=True)
    for level in found.levels:
        table.add_column(f"{level.vms:,}", justify="right", no_wrap=True)
    columns = [_rows(level, found.levels) for level in found.levels]
    for name in dict.fromkeys(name for column in columns for name in column):
        table.add_row(name, *[column.get(name, "") for column in columns])
    Console(width=NAME_WIDTH + LEVEL_WIDTH * len(columns)).print(table)


def _rows(level: Level, levels: list[Level]) -> dict[str, str]:
    first = levels[0]
    pages = {f"page of 100, {place}, CPU µs": f"{us:,.0f}" for place, us in level.page_us.items()}
    return {
        "create, controller CPU µs": f"{level.create_us:,.0f}",
        "  by that of the first level": f"{level.create_us / (first.create_us or 1):.2f}",
        "create, p50 ms": f"{level.create_p50_ms:,.0f}",
        **pages,
        "one VM by its id, CPU µs": f"{level.get_us:,.0f}",
        "controller, MiB": f"{level.controller_mib:,.0f}",
        "agents, MiB": f"{level.agents_mib:,.0f}",
        "start: answers after, s": f"{level.listening_seconds:.1f}",
        "start: all heard, at rest after, s": f"{level.rest_seconds:.1f}",
        "start: controller CPU s": f"{level.start_cpu_seconds:.1f}",
        "idle: controller, % of a core": f"{level.idle_percent:.1f}",
        "idle: agents, % of a core": f"{level.idle_agents_percent:.1f}",
    }
