"""The program behind `photon plan`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console

from photon.plan.example import ExampleRefused, write_example
from photon.plan.hosts_file import read_hosts
from photon.plan.options import FIT_MAX, Options
from photon.plan.placing.run import PLACED_FIT_MAX, place_plan
from photon.plan.problems import PlanFailed, PlanWrong
from photon.plan.progress import shown
from photon.plan.report.content import Section
from photon.plan.report.page import page
from photon.plan.report.sections import sections
from photon.plan.report.terminal import print_report
from photon.plan.result import Result
from photon.plan.run import run_plan
from photon.plan.workload_file import read_workload

EXIT_FAILED: Final = 1
EXIT_USAGE: Final = 2
EXIT_INTERRUPTED: Final = 130  # As shells report a program that Ctrl-C ended.
SEED_MAX: Final = 2**63 - 1  # What fits everywhere.
FIT_MOST: Final = 1_000_000  # An hour of work for each flavor; placed only, some minutes.
JOBS_MOST: Final = 4  # Each holds a copy of what it changes.


def _example(ctx: click.Context, _: click.Parameter, folder: Path | None) -> None:
    """Before anything is asked for that a first plan has not."""
    if folder is None:
        return
    try:
        hosts, workload = write_example(folder)
    except ExampleRefused as refused:
        raise click.ClickException(f"the example cannot be written: {refused}") from refused
    print(f"photon plan --hosts {hosts} --workload {workload} --out report.html")
    ctx.exit()


_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 the simulation failed, 2 wrong usage or a mistake in a file, 130 "
    "interrupted. docs/how-to/plan.md tells all that can stand in the files.",
)
@click.option("--hosts", required=True, type=_FILE, help="Which hosts there are, as YAML.")
@click.option("--workload", required=True, type=_FILE, help="What runs on them, as YAML.")
@click.option(
    "--seed",
    type=click.IntRange(0, SEED_MAX),
    default=1,
    show_default=True,
    help="Chance: the same seed and files make the same report.",
)
@click.option("--out", type=_FILE, help="Write the report with its plots here: one HTML file.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(("human", "json")),
    default="human",
    show_default=True,
    help="What to print.",
)
@click.option(
    "--placement-only",
    is_flag=True,
    help="Let the scheduler alone say where VMs lie, how many fit, and what may be lost: for "
    "thousands of hosts in a minute or so. Without arrivals, events and times.",
)
@click.option(
    "--fit-max",
    type=click.IntRange(1, FIT_MOST),
    help="Make so many VMs of a flavor at most, to see how many fit.  "
    f"[default: {FIT_MAX}; with --placement-only {PLACED_FIT_MAX}]",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, JOBS_MOST),
    default=min(os.cpu_count() or 1, JOBS_MOST),
    help="Futures that are played at a time.  [default: one a processor]",
)
@click.option(
    "--example",
    type=click.Path(path_type=Path, file_okay=False),
    is_eager=True,
    expose_value=False,
    callback=_example,
    help="Write an example of both files into this folder, and say how to plan with them.",
)
@click.option("--check", is_flag=True, help="Only say whether the files are in order.")
def photon_plan(
    hosts: Path,
    workload: Path,
    seed: int,
    out: Path | None,
    output: str,
    placement_only: bool,
    fit_max: int | None,
    jobs: int,
    check: bool,
) -> None:
    """Ask what would happen: how many VMs fit, and what if a rack or a zone died.

    The product itself runs, simulated: its API, scheduler, tasks and agents, on the hosts and with
    the VMs that two files describe. No cloud is touched, and none is needed.

    \b
    hosts.yaml     zones and racks, and groups of hosts: how many, CPUs, memory, datastores
    workload.yaml  flavors, the VMs that run, how VMs come and go, what dies and when

    Begin with an example, change it, and look at the report:

    \b
      photon plan --example my-plan
      photon plan --hosts my-plan/hosts.yaml --workload my-plan/workload.yaml --check
      photon plan --hosts my-plan/hosts.yaml --workload my-plan/workload.yaml --out plan.html

    Every mistake in a file is told with its line. With thousands of hosts, add --placement-only.
    """
    try:
        planned_hosts = read_hosts(hosts)
        planned = read_workload(workload, planned_hosts)
        if check:
            print("The files are in order.")
            return
        if out is not None:
            _check_writable(out)
        with shown(Console(stderr=True)) as progress:
            answer = place_plan if placement_only else run_plan
            most = fit_max or (PLACED_FIT_MAX if placement_only else FIT_MAX)
            result = answer(planned_hosts, planned, Options(seed, most, jobs), progress)
    except PlanWrong as wrong:
        for paragraph in wrong.paragraphs():
            print(paragraph, file=sys.stderr)
        sys.exit(EXIT_USAGE)
    except PlanFailed as failed:
        print(f"photon plan: the simulation failed: {failed}", file=sys.stderr)
        sys.exit(EXIT_FAILED)
    except KeyboardInterrupt:
        print("photon plan: interrupted.", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
    _answer(result, output, out, f"Plan: {hosts.name} and {workload.name}")


def _check_writable(out: Path) -> None:
    """Before minutes of work, rather than after them."""
    if not out.absolute().parent.is_dir():
        raise click.ClickException(f"{out} cannot be written: there is no such folder.")
    if not os.access(out if out.exists() else out.absolute().parent, os.W_OK):
        raise click.ClickException(f"{out} cannot be written: it is not allowed.")


def _answer(result: Result, output: str, out: Path | None, title: str) -> None:
    told = sections(result)
    try:
        _print(result, told, output)
    except BrokenPipeError:
        # Whoever reads has read enough. What is flushed at the end must not complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if out is not None:
        try:
            out.write_text(page(title, told))
        except OSError as problem:
            raise click.ClickException(f"{out} cannot be written: {problem.strerror}.") from problem
        print(f"The report with its plots is in {out}.", file=sys.stderr)


def _print(result: Result, told: list[Section], output: str) -> None:
    if output == "json":
        encoded = msgspec.json.format(msgspec.json.encode(result), indent=2)
        sys.stdout.write(encoded.decode() + "\n")
    else:
        print_report(told, sys.stdout)
    sys.stdout.flush()
