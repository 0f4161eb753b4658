"""`bin/devbox --ha`: a cloud of which any one part may fail, and what to do to its parts."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Final

import click

from photon.devbox.ha.cloud import HaCloud
from photon.devbox.ha.drilling import run, table
from photon.devbox.ha.drills import DRILLS
from photon.devbox.ha.layout import STATS_PORT, HaLayout, default_layout
from photon.devbox.ha.proof import prove
from photon.devbox.ha.servers import Shape
from photon.devbox.saying import guarded, saying, until_interrupted

SIMULATED_HOSTS: Final = 20
QEMU_HOSTS: Final = 2
SIMULATED_HOSTS_MAX: Final = 5_000  # Of the two simulators together, on one machine with the rest.

GO_ON: Final = """
The cloud is up. Try, in another terminal:

  export PHOTON_TARGET={url} PHOTON_CA_FILE={ca}
  bin/photon system status
  bin/devbox --ha status
  bin/devbox --ha kill postgres-1      (writes pause, then another one is the primary)
  bin/devbox --ha start postgres-1     (it comes back as a standby)
  bin/devbox --ha down

API        {url}/v1
haproxy    http://{proxy}:{stats}/
data, logs {root}
docs       docs/how-to/operate.md
"""

part_argument = click.argument("part")
hosts_option = click.option(
    "--hosts",
    type=click.IntRange(0, SIMULATED_HOSTS_MAX),
    help=f"Simulated hosts.  [default: {SIMULATED_HOSTS}, or as many as there are]",
)
qemu_option = click.option(
    "--qemu-hosts",
    type=click.IntRange(0, 2),
    help=f"Hosts with real guests.  [default: {QEMU_HOSTS}, or as many as there are]",
)
fresh_option = click.option("--fresh", is_flag=True, help="Forget first all that there was.")


@click.group(invoke_without_command=True, context_settings={"max_content_width": 100})
@click.option("--exit", "leave", is_flag=True, help="Let a primary die, show it, tear down.")
@hosts_option
@qemu_option
@fresh_option
@click.pass_context
def ha(
    context: click.Context, leave: bool, hosts: int | None, qemu_hosts: int | None, fresh: bool
) -> None:
    """Three of each on this machine: ZooKeeper, PostgreSQL with Patroni, and controllers; haproxy
    in front; agents with simulated hosts and two with real guests. What runs is deploy/ha.

    Without a command it stays until Ctrl-C; `up` leaves the cloud in the background.

    \b
    bin/devbox --ha up                   in the background
    bin/devbox --ha status               who runs, and who is primary
    bin/devbox --ha kill postgres-1      as a power cut would
    bin/devbox --ha start postgres-1     again; so does `up`, for all
    bin/devbox --ha down
    bin/devbox --ha --exit               up, kill the primary, prove that nothing is lost, down
    """
    context.obj = default_layout()
    if context.invoked_subcommand is None:
        cloud = HaCloud(context.obj, saying())
        guarded(lambda: _stay(cloud, (hosts, qemu_hosts), leave=leave, fresh=fresh))


@ha.command()
@hosts_option
@qemu_option
@fresh_option
@click.pass_obj
def up(layout: HaLayout, hosts: int | None, qemu_hosts: int | None, fresh: bool) -> None:
    """Brings up what does not run; frozen parts go on."""

    def bring_up() -> None:
        cloud = HaCloud(layout, saying())
        if fresh:
            cloud.destroy()
        cloud.up(_wanted(cloud, hosts, qemu_hosts))
        click.echo(_go_on(layout))

    guarded(bring_up)


@ha.command()
@click.pass_obj
def status(layout: HaLayout) -> None:
    """Says which parts run, where, and what they are among their kind."""
    for part in HaCloud(layout, saying()).status():
        click.echo(f"{part.name:18} {part.address:14} {part.state:8} {part.role}")
    click.echo(f"{'data':18} {layout.root}")


@ha.command()
@fresh_option
@click.pass_obj
def down(layout: HaLayout, fresh: bool) -> None:
    """Stops guests and parts. Data stays, unless --fresh."""

    def take_down() -> None:
        cloud = HaCloud(layout, saying())
        if fresh:
            cloud.destroy()
            return
        stopped = cloud.down()
        click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")

    guarded(take_down)


@ha.command()
@part_argument
@click.option("--only-database", is_flag=True, help="Of postgres-N: its Patroni lives.")
@click.pass_obj
def kill(layout: HaLayout, part: str, only_database: bool) -> None:
    """kill -9 of all processes of PART, such as postgres-1."""
    cloud = HaCloud(layout, saying())

    def kill_it() -> None:
        ran = cloud.kill_database(part) if only_database else cloud.kill(part)
        click.echo(f"{part} is dead" if ran else f"{part} did not run")

    guarded(kill_it)


@ha.command()
@part_argument
@click.pass_obj
def freeze(layout: HaLayout, part: str) -> None:
    """SIGSTOP: PART neither runs nor answers, and nobody's connection to it ends."""
    guarded(lambda: HaCloud(layout, saying()).freeze(part))


@ha.command()
@part_argument
@click.pass_obj
def thaw(layout: HaLayout, part: str) -> None:
    """PART goes on where it was."""
    guarded(lambda: HaCloud(layout, saying()).thaw(part))


@ha.command()
@part_argument
@click.pass_obj
def start(layout: HaLayout, part: str) -> None:
    """Starts PART, and returns when it is ready."""
    guarded(lambda: HaCloud(layout, saying()).start(part))


@ha.command()
@part_argument
@click.pass_obj
def stop(layout: HaLayout, part: str) -> None:
    """Stops PART in order, as its service manager would."""

    def stop_it() -> None:
        ran = HaCloud(layout, saying()).stop(part)
        click.echo(f"{part} is stopped" if ran else f"{part} did not run")

    guarded(stop_it)


@ha.command()
@click.argument("to", required=False)
@click.pass_obj
def switchover(layout: HaLayout, to: str | None) -> None:
    """Makes another postgres-N (TO) the primary, in order."""
    guarded(lambda: click.echo(HaCloud(layout, saying()).switchover(to)))


@ha.command()
@click.argument("names", nargs=-1, type=click.Choice([drill.name for drill in DRILLS]))
@click.pass_obj
def drill(layout: HaLayout, names: tuple[str, ...]) -> None:
    """Lets parts of a cloud that is up fail under load, and measures what clients notice.

    Without NAMES all of them, one after the other: some ten minutes. Exit status 1 when something
    that was acknowledged is not there, or the audit finds something.
    """

    def drill_them() -> None:
        cloud = HaCloud(layout, saying())
        seeded = cloud.up(cloud.shape)
        chosen = [each for each in DRILLS if not names or each.name in names]
        outcomes = asyncio.run(run(cloud, seeded, chosen))
        click.echo()
        for line in table(outcomes):
            click.echo(line)
        for outcome in outcomes:
            for problem in (*outcome.wrong, *outcome.writes_failed):
                click.echo(f"{outcome.drill.name}: {problem}")
        if any(outcome.wrong for outcome in outcomes):
            sys.exit(1)

    guarded(drill_them)


def _wanted(cloud: HaCloud, hosts: int | None, qemu_hosts: int | None) -> Shape:
    """What was asked for, else what there is, else the default."""
    there = cloud.shape
    if there == Shape(0, 0):
        there = Shape(SIMULATED_HOSTS, QEMU_HOSTS)
    return Shape(
        there.simulated if hosts is None else hosts,
        there.qemu if qemu_hosts is None else qemu_hosts,
    )


def _stay(
    cloud: HaCloud, hosts: tuple[int | None, int | None], *, leave: bool, fresh: bool
) -> None:
    # Whoever ends it, and whenever: nothing of it stays.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    if fresh:
        cloud.destroy()
    try:
        seeded = cloud.up(_wanted(cloud, *hosts))
        if leave:
            prove(cloud, seeded)
            return
        click.echo(_go_on(cloud.layout))
        click.echo("Ctrl-C ends it.")
        until_interrupted()
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)  # Half torn down helps nobody.
        cloud.say("stopping")
        cloud.down()


def _go_on(layout: HaLayout) -> str:
    return GO_ON.format(
        url=layout.api_url,
        ca=layout.ca_file,
        proxy=layout.proxy_host,
        stats=STATS_PORT,
        root=layout.root,
    )
