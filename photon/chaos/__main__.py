"""`bin/chaos`: a whole cloud on this machine, broken on purpose while clients work on it."""

from __future__ import annotations

import asyncio
import datetime
import os
import platform
import secrets
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click
import msgspec

from photon.chaos.mixed import MixedLoad
from photon.chaos.outcome import Outcome
from photon.chaos.part import Kind
from photon.chaos.recovery import table
from photon.chaos.report import told
from photon.chaos.run import Run
from photon.chaos.schedule import Planned, all_kinds, schedule
from photon.chaos.stage import Stage, Wanted, stage
from photon.chaos.teller import Teller
from photon.devbox.cloud import DevboxFailed
from photon.devbox.programs import ProgramFailed
from photon.guestimage.commands import BuildFailed
from photon.outside.clock import RealClock
from photon.sdk.errors import SdkError
from photon.workload.site import Load

MINUTES_MAX: Final = 24 * 60  # All attempts are kept in memory: a day of them is a gigabyte.
SEEDS: Final = 1 << 32
QEMU_HOSTS: Final = 2
CLIENTS: Final = 6  # Two cores carry the cloud, its probes, and a load of this many.
PROBLEMS_MAX: Final = 20  # What few calls were told is not what a run was about.
BROKEN, NOT_UP, INTERRUPTED = 1, 3, 130

_NOT_UP: Final = (DevboxFailed, ProgramFailed, BuildFailed, SdkError, OSError)


@click.command(context_settings={"max_content_width": 100})
@click.option(
    "--minutes",
    type=click.FloatRange(0.1, MINUTES_MAX),
    default=10.0,
    show_default=True,
    help="How long things are broken; starting, settling and ending come on top.",
)
@click.option("--seed", type=click.IntRange(0, SEEDS - 1), help="Of all that is drawn.")
@click.option("--clients", type=click.IntRange(1, 64), default=CLIENTS, show_default=True)
@click.option(
    "--qemu-hosts",
    type=click.IntRange(0, 2),
    default=QEMU_HOSTS,
    show_default=True,
    help="Hosts with real guests.",
)
@click.option("--no-cuts", is_flag=True, help="Cut nothing off.")
@click.option("--keep", is_flag=True, help="Leave the folder with all logs, and say where it is.")
@click.option("-o", "output", type=click.Choice(["text", "json"]), default="text")
def chaos(  # noqa: PLR0913  # each option is a parameter of its own to click
    minutes: float,
    seed: int | None,
    clients: int,
    qemu_hosts: int,
    no_cuts: bool,
    keep: bool,
    output: str,
) -> None:
    """Starts three controllers, PostgreSQL with Patroni, ZooKeeper, haproxy and agents, works on
    them with several clients, kills, freezes, restarts and cuts off their parts, and judges every
    answer. Afterwards everything that was acknowledged must be there.

    \b
    bin/chaos --minutes 3               a new seed, which it says
    bin/chaos --minutes 3 --seed 7      the same faults in the same order
    bin/chaos -o json                   the report for programs; the story goes to standard error

    Exit status: 0 every promise was kept, 1 one was broken, 2 wrong options, 3 the cloud did not
    come up.
    """
    seed = secrets.randbelow(SEEDS) if seed is None else seed
    command = f"bin/chaos --minutes {minutes:g} --seed {seed} --clients {clients}"
    command += f" --qemu-hosts {qemu_hosts}" + (" --no-cuts" if no_cuts else "")
    teller = Teller()
    teller.say(f"seed {seed}; the same faults again: {command}")
    # However it is ended: in order, unless it is killed, which its guardian sees.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with stage(Wanted(qemu_hosts, cuts=not no_cuts, keep=keep), teller.say) as on:
            outcome = _played(on, teller, Asked(seed, minutes, clients, command))
    except _NOT_UP as problem:
        teller.say(f"the cloud did not come up, or not down: {problem}")
        sys.exit(NOT_UP)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(outcome)).decode())
    else:
        click.echo(told(outcome))
    sys.exit(0 if outcome.kept else BROKEN)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person asked for, and the command that asks for it again."""

    seed: int
    minutes: float
    clients: int
    command: str


def _played(on: Stage, teller: Teller, asked: Asked) -> Outcome:
    clock = RealClock()
    load = MixedLoad(on.cloud, on.cloud.site(), asked.seed, clock, Load(clients=asked.clients))
    run = Run(on.cloud, on.ground, load, on.cuts, clock, teller.say, teller.tell)
    faults = all_kinds(tuple(Kind), cuts=on.cuts is not None)
    planned = schedule(asked.seed, faults, on.cloud.lease_seconds)
    began = datetime.datetime.fromtimestamp(clock.now_ms() / 1000, datetime.UTC)
    asyncio.run(_go(run, load, planned, asked.minutes * 60))
    attempts = run.attempts.all
    problems = Counter(each.problem for each in attempts if each.problem)
    return Outcome(
        seed=asked.seed,
        minutes=asked.minutes,
        command=asked.command,
        began=began.isoformat(timespec="seconds"),
        machine=f"{os.cpu_count()} cores, {platform.system()} {platform.release()}",
        cuts=on.cuts is not None,
        faults=tuple(run.injected),
        recovery=tuple(table(run.injected, attempts)),
        ended=tuple(run.ended),
        operations=load.counts(),
        probes=len(attempts),
        probes_failed=sum(attempt.problem is not None for attempt in attempts),
        problems=tuple(problems.most_common(PROBLEMS_MAX)),
        breaches=tuple(run.breaches),
    )


async def _go(run: Run, load: MixedLoad, planned: Iterator[Planned], seconds: float) -> None:
    try:
        await run.go(planned, seconds)
    finally:
        await load.close()


if __name__ == "__main__":
    chaos(prog_name="bin/chaos")
