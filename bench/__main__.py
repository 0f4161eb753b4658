"""`bin/bench`: measures the cloud, each operation with the processes that it really takes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any, TypeVar

import click

from bench import create as create_bench
from bench import evenness, reads, store_table
from bench import idle as idle_bench
from bench import register as register_bench
from bench import scale as scale_bench
from bench.cloud import POSTGRESQL, SQLITE, CloudShape
from bench.evenness_table import show_compared
from bench.idle import show_idle
from bench.place import CASES
from bench.placements import placements
from bench.result import Measured, histogram, result, show
from bench.scale_probe import Asked
from bench.scale_table import show_scale

VMS_MAX = 1_000_000  # The largest cloud that this is for.
HOSTS_MAX = 100_000  # The largest cloud that this is for.
AGENTS_MAX = 16  # Processes of simulated hosts; more would only share the same cores.
COUNT_MAX = 10_000_000  # Every latency is kept: eight bytes each, and as much again to sort them.
CONTROLLERS_MAX = 16  # What a PostgreSQL with its default of connections has room for.
ROUNDS_MAX = 100
LINES_MAX = 1_000  # The controller runs 512 tasks at a time, and as many wait.

Command = TypeVar("Command", bound=Callable[..., Any])

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")


def number(name: str, default: int, most: int, words: str) -> Callable[[Command], Command]:
    return click.option(
        name, type=click.IntRange(1, most), default=default, show_default=True, help=words
    )


hosts_option = number("--hosts", 100, HOSTS_MAX, "Simulated hosts.")
agents_option = number("--agents", 1, AGENTS_MAX, "Processes among which the hosts are divided.")
lines_option = number("--lines", 64, LINES_MAX, "Connections, each with one request at a time.")
seed_option = click.option("--seed", default=1, show_default=True, help="Other guests.")
vms_there = number("--vms", 2000, VMS_MAX, "VMs that there are.")


@click.group()
def bench() -> None:
    """Measures what the cloud costs. Figures with machine and date: bench/README.md."""
    # Whoever ends it by SIGTERM wants what Ctrl-C does: processes ended, folders removed.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


@bench.command()
@hosts_option
@agents_option
@number("--vms", 2000, VMS_MAX, "VMs to create.")
@lines_option
@click.option("--store", type=click.Choice([SQLITE, POSTGRESQL]), default=SQLITE, show_default=True)
@number("--controllers", 1, CONTROLLERS_MAX, "Of them; more than one take --store postgresql.")
@number("--leaf-hosts", 256, HOSTS_MAX, "Hosts in a leaf: more controllers want more leaves.")
@as_json
def create(  # noqa: PLR0913  # its options
    hosts: int,
    agents: int,
    vms: int,
    lines: int,
    store: str,
    controllers: int,
    leaf_hosts: int,
    as_json: bool,
) -> None:
    """VM creates: POST to COMPLETED over HTTP."""
    if controllers > 1 and store == SQLITE:
        raise click.UsageError("SQLite has one controller; give --store postgresql for more.")
    shape = CloudShape(hosts, agents, store, controllers, leaf_hosts)
    measured, problem = create_bench.run(shape, vms=vms, lines=lines)
    _end(measured, problem, as_json=as_json)


@bench.command()
@number("--hosts", 200, HOSTS_MAX, "Simulated hosts.")
@number("--vms", 1500, VMS_MAX, "VMs to create in each run.")
@lines_option
@number("--rounds", 3, ROUNDS_MAX, "Runs of each kind, in turn.")
@number("--leaf-hosts", 32, HOSTS_MAX, "Hosts in a leaf: more controllers want more leaves.")
def stores(hosts: int, vms: int, lines: int, rounds: int, leaf_hosts: int) -> None:
    """VM creates on SQLite, on PostgreSQL, and there with two controllers: one row a run.

    The runs take turns, so that whatever else the machine does is in all three kinds.
    """
    shapes = [
        CloudShape(hosts, 1, store, controllers, leaf_hosts)
        for store, controllers in ((SQLITE, 1), (POSTGRESQL, 1), (POSTGRESQL, 2))
    ]
    if not store_table.compare(shapes, vms=vms, lines=lines, rounds=rounds):
        raise SystemExit(1)


@bench.command()
@number("--hosts", 1000, HOSTS_MAX, "Simulated hosts to register.")
@agents_option
@lines_option
@as_json
def register(hosts: int, agents: int, lines: int, as_json: bool) -> None:
    """Hosts: POST and provision until each takes VMs."""
    measured, problem = register_bench.run(hosts=hosts, agents=agents, lines=lines)
    _end(measured, problem, as_json=as_json)


@bench.command()
@number("--hosts", 1000, HOSTS_MAX, "Simulated hosts.")
@number("--agents", 32, HOSTS_MAX, "Agents among which the hosts are divided.")
@number("--controllers", 3, CONTROLLERS_MAX, "Of them.")
@number("--seconds", 300, COUNT_MAX, "Simulated seconds in which nothing happens.")
@as_json
def idle(hosts: int, agents: int, controllers: int, seconds: int, as_json: bool) -> None:
    """A cloud in which nothing happens, simulated in this process."""
    found = idle_bench.run(hosts=hosts, agents=agents, controllers=controllers, seconds=seconds)
    show_idle(found, as_json=as_json)


@bench.command()
@number("--hosts", 300, HOSTS_MAX, "Hosts of the tree.")
@number("--count", 20_000, COUNT_MAX, "Placements, each kept, but in the case `full`.")
@click.option(
    "--case",
    type=click.Choice(list(CASES)),
    default="plain",
    show_default=True,
    help="What is asked for, and of which cloud; `python -m bench.place` measures all of them.",
)
@as_json
def place(hosts: int, count: int, case: str, as_json: bool) -> None:
    """Placements, in this process: no network, no store."""
    measured, problem = placements(hosts, count, case)
    _end(measured, problem, as_json=as_json)


@bench.command("list")
@vms_there
@number("--count", 500, COUNT_MAX, "Pages of 100 to ask for, one after the other.")
@as_json
def list_(vms: int, count: int, as_json: bool) -> None:
    """Pages of 100 VMs."""
    measured, problem = reads.run("list", reads.pages, vms=vms, count=count)
    _end(measured, problem, as_json=as_json)


@bench.command()
@vms_there
@number("--count", 20_000, COUNT_MAX, "VMs to ask for, one by one.")
@lines_option
@as_json
def get(vms: int, count: int, lines: int, as_json: bool) -> None:
    """One VM by its id."""
    measured, problem = reads.run("get", reads.gets(lines), vms=vms, count=count)
    _end(measured, problem, as_json=as_json)


@bench.command()
@number("--hosts", 1000, HOSTS_MAX, "Simulated hosts.")
@agents_option
@number("--vms-max", 10_000, VMS_MAX, "The last of the levels 0, 10,000, 100,000, 1,000,000.")
@number("--creates", 2000, 50_000, "VMs to create at each level.")
@number("--idle-seconds", 15, 3600, "How long to watch the cloud do nothing, at each level.")
@as_json
def scale(  # noqa: PLR0913  # click gives each option as an argument
    hosts: int, agents: int, vms_max: int, creates: int, idle_seconds: int, as_json: bool
) -> None:
    """What the same requests cost as a cloud grows.

    Hosts and VMs are put there in bulk, through the store and the agents' journals, before each
    level; what is measured goes through the API. With a million VMs it takes 10 GB of disk.
    """
    asked = Asked(hosts, agents, vms_max, creates, idle_seconds)
    show_scale(scale_bench.run(asked), as_json=as_json)


@bench.command()
@number("--hosts", 1000, HOSTS_MAX, "Equal hosts.")
@number("--count", 100_000, COUNT_MAX, "Guests to spread over them.")
@seed_option
@as_json
def balance(hosts: int, count: int, seed: int, as_json: bool) -> None:
    """How evenly guests are spread: max/mean load, beside a scheduler that sees all hosts."""
    show_compared(evenness.balance(hosts, count, seed), as_json=as_json)


@bench.command()
@number("--hosts", 1000, HOSTS_MAX, "Equal hosts.")
@seed_option
@as_json
def pack(hosts: int, seed: int, as_json: bool) -> None:
    """How full hosts are packed until the first refusal, beside best fit over all hosts."""
    show_compared(evenness.pack(hosts, seed), as_json=as_json)


def _end(measured: Measured, problem: str, *, as_json: bool) -> None:
    show(result(measured), as_json=as_json)
    if not as_json:
        click.echo(histogram(measured.latencies_ms))
    if problem:
        click.echo(f"The first of {measured.errors} errors: {problem}", err=True)


if __name__ == "__main__":
    bench(prog_name="bin/bench")
