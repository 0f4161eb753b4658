"""bin/simulate: plays whole clouds from their seeds, and tells what broke."""

from __future__ import annotations

import secrets
import shlex
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from photon.simulation.profiles import PROFILES
from photon.simulation.run import Outcome, Trial, run
from photon.simulation.shrink import RUNS_MAX, shrink, told
from photon.simulation.world import AGENTS_MAX, Size
from photon.workload.site import Load

NEW_SEEDS: Final = 1 << 31  # Large enough that two are seldom the same, and easily typed.
HOSTS_AN_AGENT_MIN: Final = 2  # So that an agent's death is that of several hosts.
# A larger cloud has more who use it. Six is enough for twelve hosts to have something under way.
CLIENTS_MIN: Final = 6
HOSTS_A_CLIENT: Final = 20


def _seeds(text: str) -> range:
    first, _, last = text.partition("..")
    try:
        return range(int(first), int(last or first) + 1)
    except ValueError:
        raise click.BadParameter("give A..B, as in 1..20") from None


_AGENTS_HELP: Final = (
    f"0, the default: {HOSTS_AN_AGENT_MIN}, or as many as make {AGENTS_MAX} agents."
)
_CLIENTS_HELP: Final = (
    f"0, the default: one for every {HOSTS_A_CLIENT} hosts, and {CLIENTS_MIN} at least."
)


@click.command(context_settings={"max_content_width": 100})
@click.option("--seed", type=int, help="Play this one.")
@click.option("--seeds", help="Play all of A..B.")
@click.option("--new", type=int, default=0, help="Play so many seeds that nobody chose.")
@click.option("--steps", type=click.IntRange(1), default=200, show_default=True)
@click.option("--controllers", type=click.IntRange(1, 9), default=3, show_default=True)
@click.option("--hosts", type=click.IntRange(4, 10_000), default=12, show_default=True)
@click.option("--hosts-per-agent", type=click.IntRange(0), default=0, help=_AGENTS_HELP)
@click.option("--clients", type=click.IntRange(0, 500), default=0, help=_CLIENTS_HELP)
@click.option("--pause", type=float, default=8.0, help="Seconds that a client rests, at most.")
@click.option("--profile", type=click.Choice(list(PROFILES)), default="hostile", show_default=True)
@click.option("--spare", default="", help="Kinds of faults that do not come, with commas between.")
@click.option("--shrink", "shrinks", is_flag=True, help="Look for a smaller run that breaks too.")
@click.option("--trace", type=click.Path(path_type=Path), help="Write every line of the trace.")
@click.option("--trace-hash", is_flag=True, help="Print the trace's hash as the last line.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, help="So many seeds at once.")
def main(**asked: object) -> None:
    """Plays whole clouds, each from its seed, and tells what broke.

    The same seed with the same options does the same, to the last byte of its trace.
    """
    options = _Options(**asked)  # type: ignore[arg-type] # click has checked each of them
    trials = [options.trial(seed) for seed in options.seeds_chosen()]
    failed = _several(trials, options) if len(trials) > 1 else _one(trials[0], options)
    sys.exit(1 if failed else 0)


@dataclass(frozen=True, slots=True)
class _Options:
    seed: int | None
    seeds: str | None
    new: int
    steps: int
    controllers: int
    hosts: int
    hosts_per_agent: int
    clients: int
    pause: float
    profile: str
    spare: str
    shrinks: bool
    trace: Path | None
    trace_hash: bool
    jobs: int

    def seeds_chosen(self) -> list[int]:
        chosen = [] if self.seed is None else [self.seed]
        chosen += [] if self.seeds is None else list(_seeds(self.seeds))
        chosen += [secrets.randbelow(NEW_SEEDS) for _ in range(self.new)]
        return chosen or [secrets.randbelow(NEW_SEEDS)]

    def trial(self, seed: int) -> Trial:
        each = self.hosts_per_agent or max(HOSTS_AN_AGENT_MIN, -(-self.hosts // AGENTS_MAX))
        size = Size(self.controllers, self.hosts, each)
        clients = self.clients or max(CLIENTS_MIN, self.hosts // HOSTS_A_CLIENT)
        load = Load(clients=clients, pause_seconds=self.pause)
        spared = frozenset(kind for kind in self.spare.split(",") if kind)
        return Trial(seed, self.steps, size, self.profile, load, spared)


def _one(trial: Trial, options: _Options) -> bool:
    """Whether it broke something."""
    console = Console(stderr=True)
    columns = (TextColumn("seed {task.fields[seed]}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=trial.steps, seed=trial.seed)
        if options.trace is None:
            outcome = run(trial, lambda number: bar.update(task, completed=number))
        else:
            with options.trace.open("w") as file:
                outcome = run(trial, lambda number: bar.update(task, completed=number), file)
    click.echo(_line(outcome))
    _tell(outcome, options)
    if options.trace_hash:
        click.echo(outcome.trace_hash)
    return outcome.broken is not None


def _several(trials: list[Trial], options: _Options) -> bool:
    failed = []
    for outcome in _played(trials, options.jobs):
        click.echo(_line(outcome))
        if outcome.broken is not None:
            failed.append(outcome)
            _tell(outcome, options)
    click.echo(f"{len(trials)} seeds, {len(failed)} broke something")
    return bool(failed)


def _played(trials: list[Trial], jobs: int) -> Iterator[Outcome]:
    if jobs == 1:
        yield from map(run, trials)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(run, trials)


def _line(outcome: Outcome) -> str:
    said = "held" if outcome.broken is None else "BROKE"
    return (
        f"seed {outcome.trial.seed:<10} {said:5}  {outcome.steps} steps  "
        f"{outcome.seconds:.0f} s simulated  {outcome.faults} faults"
    )


def _tell(outcome: Outcome, options: _Options) -> None:
    if outcome.broken is None:
        return
    if options.shrinks:
        click.echo(f"  {outcome.broken}", err=True)
        smaller = shrink(outcome, _tell_try)
        click.echo(f"shrunk: {told(outcome, smaller)}")
        outcome = smaller
    assert outcome.broken is not None
    click.echo(f"\nseed {outcome.trial.seed}, at step {outcome.steps}: {outcome.broken}\n")
    for line in outcome.story:
        click.echo(line)
    click.echo(f"\nto see it again: {command(outcome.trial)}\n")


def _tell_try(what: str, number: int, tried: Outcome) -> None:
    line = f"  {number:2} of {RUNS_MAX}  fewer {what:25}{_line(tried)}"
    click.echo(f"{line}  {_size_of(tried.trial)}", err=True)


def _size_of(trial: Trial) -> str:
    size = trial.size
    return f"{size.controllers} controllers  {size.hosts} hosts  {trial.load.clients} clients"


def command(trial: Trial) -> str:
    """What repeats a trial."""
    size, load = trial.size, trial.load
    words = ["bin/simulate", "--seed", str(trial.seed), "--steps", str(trial.steps)]
    words += ["--controllers", str(size.controllers), "--hosts", str(size.hosts)]
    words += ["--hosts-per-agent", str(size.hosts_per_agent), "--clients", str(load.clients)]
    words += ["--pause", f"{load.pause_seconds:g}", "--profile", trial.profile]
    if trial.spared:
        words += ["--spare", ",".join(sorted(trial.spared))]
    return shlex.join(words)


if __name__ == "__main__":
    main()
