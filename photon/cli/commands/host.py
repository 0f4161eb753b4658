"""photon host: the machines that VMs run on."""

from __future__ import annotations

import sys

import click

from photon.cli.amounts import pairs
from photon.cli.names import resolve
from photon.cli.progress import finish, wait_for, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import (
    Action,
    Reference,
    add_action,
    add_delete,
    add_list,
    add_show,
    add_tasks,
    reference,
)
from photon.cli.things import HOST, VM, ZONE
from photon.cli.verb import Noun

COMMAND = Noun("host", help="The machines that VMs run on. A host's name is its address.")


@COMMAND.command(
    "create",
    examples="""
    photon host create 10.0.0.3 --username root --tag CLOUD --provision
    PHOTON_HOST_PASSWORD=... photon host create 10.0.0.3 --username root --zone rack-1
    """,
)
@click.argument("address")
@click.option("--username", required=True)
@click.option(
    "--password",
    envvar="PHOTON_HOST_PASSWORD",
    help="A terminal is asked for it when it is not given. [$PHOTON_HOST_PASSWORD]",
)
@click.option(
    "--tag",
    multiple=True,
    type=click.Choice(["CLOUD", "MGMT"]),
    default=("CLOUD",),
    show_default=True,
    help="For tenants' VMs or for management; may be repeated.",
)
@click.option("--zone", type=Reference(ZONE), metavar="ZONE", help="Availability zone.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option(
    "--agent",
    metavar="HOST:PORT",
    help="Where the host's agent listens.  [default: ADDRESS:8835]",
)
@click.option("--provision", is_flag=True, help="Make it ready for VMs as well.")
@waits
@pass_session
def create(
    session: Session,
    address: str,
    username: str,
    password: str | None,
    tag: tuple[str, ...],
    zone: str | None,
    metadata: tuple[str, ...],
    agent: str | None,
    provision: bool,
) -> None:
    """Register the host at ADDRESS."""
    from photon.domain.host import AGENT_ENDPOINT_KEY, UsageTag
    from photon.wire.v1.host import HostCreateSpec

    zone_id = resolve(session, ZONE, zone) if zone is not None else None
    facts = pairs(metadata)
    if agent is not None:
        facts[AGENT_ENDPOINT_KEY] = agent
    spec = HostCreateSpec(
        address,
        username,
        password if password is not None else _asked_password(address),
        [UsageTag(each) for each in tag],
        availability_zone=zone_id,
        metadata=facts or None,
    )
    task = session.client.hosts.create(spec)
    if provision:
        done = wait_for(session, task)
        task = session.client.hosts.provision(done.entity.id)
    fate = "provisioned" if provision else "registered; provision it before it takes VMs"
    finish(session, task, lambda done: f"Host {address} is {fate}: {done.entity.id}")


def _asked_password(address: str) -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("Give --password, or set $PHOTON_HOST_PASSWORD.")
    password: str = click.prompt(f"Password for {address}", hide_input=True, err=True)
    return password


add_list(COMMAND, HOST)
add_show(COMMAND, HOST, lambda session, id: session.client.hosts.get(id))
add_delete(COMMAND, HOST, lambda session, id: session.client.hosts.delete(id))
add_tasks(COMMAND, HOST, lambda session, id, state: session.client.hosts.tasks(id, state=state))
for action in (
    Action(
        "provision",
        "Make a registered host ready for VMs.",
        "provisioned",
        lambda session, id: session.client.hosts.provision(id),
    ),
    Action(
        "suspend",
        "Place no new VMs on a host; those on it run on.",
        "suspended",
        lambda session, id: session.client.hosts.suspend(id),
    ),
    Action(
        "resume",
        "Place VMs on a suspended host again.",
        "resumed",
        lambda session, id: session.client.hosts.resume(id),
    ),
    Action(
        "enter-maintenance",
        "Take a suspended host without VMs out of use.",
        "in maintenance",
        lambda session, id: session.client.hosts.enter_maintenance(id),
    ),
    Action(
        "exit-maintenance",
        "Take a host back into use.",
        "out of maintenance",
        lambda session, id: session.client.hosts.exit_maintenance(id),
    ),
):
    add_action(COMMAND, HOST, action)


@COMMAND.command("list-vms")
@reference(HOST)
@pass_session
def list_vms(session: Session, name: str) -> None:
    """List the VMs on a host."""
    from photon.cli.answer import show_list

    show_list(session, VM.columns, session.client.hosts.vms(resolve(session, HOST, name)))


@COMMAND.command("set-zone", examples="photon host set-zone 10.0.0.3 rack-1")
@reference(HOST)
@click.argument("zone", type=Reference(ZONE))
@waits
@pass_session
def set_zone(session: Session, name: str, zone: str) -> None:
    """Say in which availability zone a host is. It cannot be changed afterwards."""
    id = resolve(session, HOST, name)
    task = session.client.hosts.set_zone(id, resolve(session, ZONE, zone))
    finish(session, task, lambda _: f"Host {name} is in zone {zone}.")


COMMAND.add_command(set_zone, "set-availability-zone")
