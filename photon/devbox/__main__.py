"""`bin/devbox`: a whole cloud on this machine, with a real VM in it."""

from __future__ import annotations

import signal
import sys

import click

from photon.devbox.cloud import SIMULATED_HOSTS_MAX, DevboxCloud, check_rights
from photon.devbox.first_vm import banner_of, first_vm
from photon.devbox.layout import API_PORT, Layout, default_root
from photon.devbox.saying import guarded, saying, until_interrupted

GO_ON = """
The cloud is up. Try, in another terminal:

  bin/photon target set {url}
  bin/photon vm list --tenant demo --project demo
  bin/photon vm console hello --tenant demo --project demo      (leave with Ctrl-])
  bin/photon host list
  bin/photon --help

API        {url}/v1         reference {url}/docs
data, logs {root}
"""

HA = "--ha"


@click.group(invoke_without_command=True)
@click.option("--exit", "leave", is_flag=True, help="Tear everything down once the guest spoke.")
@click.option(
    "--hosts",
    type=click.IntRange(0, SIMULATED_HOSTS_MAX),
    default=0,
    help="Simulated hosts beside the real one.",
)
@click.option("--port", type=click.IntRange(1024, 60_000), default=API_PORT, show_default=True)
@click.pass_context
def devbox(context: click.Context, leave: bool, hosts: int, port: int) -> None:
    """Starts a controller and an agent, makes a VM through the API and shows what its guest says.

    Without a command it stays until Ctrl-C; `up` leaves the cloud in the background.

    \b
    bin/devbox                 a cloud with a real VM, until Ctrl-C
    bin/devbox --exit          the same, then everything is torn down (exit status 0: it worked)
    bin/devbox up --hosts 50   in the background, with 50 simulated hosts beside the real one
    bin/devbox status | down
    bin/devbox --ha --help     three of each, any one of which may fail
    """
    context.obj = Layout(default_root(), port)
    if context.invoked_subcommand is None:
        guarded(lambda: _demo(context.obj, leave=leave, hosts=hosts))


@devbox.command()
@click.option("--hosts", type=click.IntRange(0, SIMULATED_HOSTS_MAX), default=0)
@click.pass_obj
def up(layout: Layout, hosts: int) -> None:
    """Brings the cloud up in the background; what ran before goes on."""

    def bring_up() -> None:
        DevboxCloud(layout, saying()).up(simulated_hosts=hosts)
        click.echo(GO_ON.format(url=layout.api_url, root=layout.root))

    guarded(bring_up)


@devbox.command()
@click.pass_obj
def status(layout: Layout) -> None:
    """Says which programs run. Exit status 3 when the controller does not."""
    programs = DevboxCloud(layout, saying()).programs()
    for program in programs:
        pid = program.pid()
        click.echo(f"{program.name:12} {f'runs, process {pid}' if pid else 'stopped'}")
    click.echo(f"{'data':12} {layout.root}")
    if programs[0].pid() is None:
        sys.exit(3)


@devbox.command()
@click.pass_obj
def down(layout: Layout) -> None:
    """Stops guests and programs. Data stays: the next `up` goes on from here."""

    def take_down() -> None:
        stopped = DevboxCloud(layout, saying()).down()
        click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")

    guarded(take_down)


def _demo(layout: Layout, *, leave: bool, hosts: int) -> None:
    check_rights()
    say = saying()
    cloud = DevboxCloud(layout, say)
    # Whoever ends it, and whenever: nothing of it stays.
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, signal.default_int_handler)
    try:
        seeded = cloud.up(simulated_hosts=hosts)
        vm = first_vm(cloud.client, seeded, say)
        say(f'the guest says: "{banner_of(cloud.client, vm)}"')
        if leave:
            cloud.client.tasks.wait(cloud.client.vms.stop(vm.id).id)
            cloud.client.tasks.wait(cloud.client.vms.delete(vm.id).id)
            say("the VM is deleted again")
            return
        click.echo(GO_ON.format(url=layout.api_url, root=layout.root))
        click.echo("Ctrl-C ends it.")
        until_interrupted()
    finally:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, signal.SIG_IGN)  # Half torn down helps nobody.
        say("stopping; a guest that does not listen is given a minute")
        cloud.down()


def main() -> None:
    """With --ha, the commands are those of the cloud of which any one part may fail."""
    arguments = sys.argv[1:]
    if HA not in arguments:
        devbox(arguments, prog_name="bin/devbox")
        return
    # Only here: the small cloud starts without loading it.
    from photon.devbox.ha.commands import ha

    ha([each for each in arguments if each != HA], prog_name=f"bin/devbox {HA}")


if __name__ == "__main__":
    main()
