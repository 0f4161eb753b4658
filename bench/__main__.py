"""`bin/bench`: measures the cloud, each operation with the processes that it really takes."""

from __future__ import annotations

from pathlib import Path

import click

from bench import create as create_bench
from bench import reads
from bench.placements import placements
from bench.result import show

DIRECTORY = Path(".bench")

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
lines_option = click.option(
    "--lines", default=64, show_default=True, help="Connections, each with one request at a time."
)


@click.group()
def bench() -> None:
    """Measures what the cloud costs. Figures with machine and date: bench/README.md."""


@bench.command()
@click.option("--hosts", default=100, show_default=True, help="Simulated hosts.")
@click.option("--vms", default=2000, show_default=True, help="VMs to create.")
@lines_option
@as_json
def create(hosts: int, vms: int, lines: int, as_json: bool) -> None:
    """VM creates: POST to COMPLETED over HTTP."""
    figures, bars = create_bench.run(DIRECTORY / "create", hosts=hosts, vms=vms, lines=lines)
    show([figures], as_json=as_json)
    if not as_json:
        click.echo(bars)


@bench.command()
@click.option("--hosts", default=300, show_default=True)
@click.option("--count", default=20_000, show_default=True)
@as_json
def place(hosts: int, count: int, as_json: bool) -> None:
    """Placements, in this process: no network, no store."""
    show([placements(hosts, count)], as_json=as_json)


@bench.command("list")
@click.option("--vms", default=2000, show_default=True, help="VMs that there are.")
@click.option("--count", default=500, show_default=True, help="Pages of 100 to ask for.")
@lines_option
@as_json
def list_(vms: int, count: int, lines: int, as_json: bool) -> None:
    """Pages of 100 VMs."""
    show(
        [reads.run(DIRECTORY / "list", "list", vms=vms, count=count, lines=lines)], as_json=as_json
    )


@bench.command()
@click.option("--vms", default=2000, show_default=True, help="VMs that there are.")
@click.option("--count", default=20_000, show_default=True, help="VMs to ask for, one by one.")
@lines_option
@as_json
def get(vms: int, count: int, lines: int, as_json: bool) -> None:
    """One VM by its id."""
    figures = reads.run(DIRECTORY / "get", "get", vms=vms, count=count, lines=lines)
    show([figures], as_json=as_json)


if __name__ == "__main__":
    bench(prog_name="bin/bench")
