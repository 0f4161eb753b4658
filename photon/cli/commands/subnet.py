"""photon subnet: networks for VMs."""

from __future__ import annotations

import click

from photon.cli.amounts import parts
from photon.cli.names import resolve
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import (
    Action,
    add_action,
    add_delete_when_unused,
    add_list,
    add_show,
    reference,
)
from photon.cli.things import SUBNET
from photon.cli.verb import Noun

COMMAND = Noun("subnet", help="Networks for VMs.")
PORT_GROUPS_HELP = "Networks of the hosts, such as 'VM Network'; by commas, or repeated."


@COMMAND.command(
    "create",
    examples="""
    photon subnet create lan --port-groups "VM Network"
    photon subnet create lan --port-groups "pg-1, pg-2" --default
    """,
)
@click.argument("name")
@click.option("--port-groups", multiple=True, metavar="NAMES", help=PORT_GROUPS_HELP)
@click.option("--description")
@click.option(
    "--type",
    "sort",
    type=click.Choice(["PORT_GROUP", "PROVIDER", "NAT", "NO_NAT"]),
    default="PORT_GROUP",
    show_default=True,
)
@click.option("--cidr", metavar="CIDR", help="Private addresses, such as 192.168.1.0/24.")
@click.option("--dns", multiple=True, metavar="ADDRESS", help="May be repeated.")
@click.option("--default", "is_default", is_flag=True, help="VMs that name no subnet get this one.")
@waits
@pass_session
def create(
    session: Session,
    name: str,
    port_groups: tuple[str, ...],
    description: str | None,
    sort: str,
    cidr: str | None,
    dns: tuple[str, ...],
    is_default: bool,
) -> None:
    """Make a subnet."""
    from photon.cli.progress import wait_for
    from photon.domain.subnet import SubnetType
    from photon.wire.v1.subnet import PortGroups, SubnetCreateSpec

    spec = SubnetCreateSpec(
        name,
        description if description is not None else name,
        SubnetType(sort),
        cidr,
        PortGroups([*parts(port_groups)]) if port_groups else None,
        [*dns] or None,
    )
    task = session.client.subnets.create(spec)
    if is_default:
        task = session.client.subnets.set_default(wait_for(session, task).entity.id)
    finish(session, task, lambda done: f"Subnet {name} is created: {done.entity.id}")


add_list(COMMAND, SUBNET)
add_show(COMMAND, SUBNET, lambda session, id: session.client.subnets.get(id))
add_delete_when_unused(
    COMMAND,
    SUBNET,
    lambda session, id: session.client.subnets.delete(id),
    lambda session, id: session.client.subnets.get(id),
)
add_action(
    COMMAND,
    SUBNET,
    Action(
        "set-default",
        "Give a subnet to VMs that name none.",
        "the default",
        lambda session, id: session.client.subnets.set_default(id),
    ),
)


@COMMAND.command("update", examples="photon subnet update lan --name office")
@reference(SUBNET)
@click.option("--name", "new_name", required=True, help="The new name.")
@waits
@pass_session
def update(session: Session, name: str, new_name: str) -> None:
    """Rename a subnet."""
    from photon.wire.v1.subnet import SubnetUpdateSpec

    id = resolve(session, SUBNET, name)
    task = session.client.subnets.update(id, SubnetUpdateSpec(new_name))
    finish(session, task, lambda _: f"Subnet {name} is now {new_name}.")


@COMMAND.command("set-portgroups", examples='photon subnet set-portgroups lan "VM Network"')
@reference(SUBNET)
@click.argument("port_groups", nargs=-1, required=True)
@waits
@pass_session
def set_portgroups(session: Session, name: str, port_groups: tuple[str, ...]) -> None:
    """Replace the port groups of a subnet."""
    id = resolve(session, SUBNET, name)
    task = session.client.subnets.set_port_groups(id, [*parts(port_groups)])
    finish(session, task, lambda _: f"The port groups of subnet {name} are set.")
