"""photon vm: virtual machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from photon.cli.amounts import pairs
from photon.cli.names import resolve
from photon.cli.progress import finish, show_begun, wait_for, waits
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
from photon.cli.things import DISK, VM
from photon.cli.verb import Noun
from photon.cli.vm_console import console
from photon.cli.vm_create import create
from photon.cli.vm_levels import print_levels

if TYPE_CHECKING:
    from photon.wire.v1.task import Task

COMMAND = Noun("vm", help="Virtual machines.")
COMMAND.add_command(create)
add_list(COMMAND, VM)
add_show(COMMAND, VM, lambda session, id: session.client.vms.get(id))
add_delete(COMMAND, VM, lambda session, id: session.client.vms.delete(id))
for action in (
    Action("start", "Start a VM.", "started", lambda session, id: session.client.vms.start(id)),
    Action(
        "stop",
        "Stop a VM: by its power button, or its plug.",
        "stopped",
        lambda session, id: session.client.vms.stop(id),
    ),
    Action(
        "restart",
        "Reset a running VM.",
        "restarted",
        lambda session, id: session.client.vms.restart(id),
    ),
    Action(
        "suspend",
        "Freeze a running VM, memory and all.",
        "suspended",
        lambda session, id: session.client.vms.suspend(id),
    ),
    Action(
        "resume",
        "Let a suspended VM go on.",
        "resumed",
        lambda session, id: session.client.vms.resume(id),
    ),
):
    add_action(COMMAND, VM, action)
COMMAND.add_command(console)
add_tasks(COMMAND, VM, lambda session, id, state: session.client.vms.tasks(id, state=state))


@COMMAND.command("explain")
@reference(VM)
@pass_session
def explain(session: Session, name: str) -> None:
    """Tell why a VM is on its host, level by level."""
    from photon.cli.answer import print_json

    placement = session.client.vms.placement(resolve(session, VM, name))
    if session.output == "json":
        print_json(placement)
        return
    click.echo(f"On host {placement.host}, datastore {placement.datastore}.")
    for host in placement.refusals:
        click.echo(f"Host {host} was chosen before, and did not take it.")
    print_levels(placement.levels, placement.host)


@COMMAND.command("networks")
@reference(VM)
@waits
@pass_session
def networks(session: Session, name: str) -> None:
    """Show the network cards of a VM and their addresses."""
    from photon.cli.answer import print_json
    from photon.cli.table import print_table

    result = _result(session, session.client.vms.networks(resolve(session, VM, name)))
    if result is None:
        return
    if session.output == "json":
        print_json(result)
        return
    members = ("network", "macAddress", "ipAddress", "netmask", "isConnected")
    titles = ("NETWORK", "MAC", "IP", "NETMASK", "CONNECTED")
    columns = [
        (title, lambda row, member=member: row.get(member))
        for title, member in zip(titles, members, strict=True)
    ]
    print_table(columns, result["networkConnections"])


@COMMAND.command("mks-ticket")
@reference(VM)
@waits
@pass_session
def mks_ticket(session: Session, name: str) -> None:
    """Ask for a ticket to the screen of a running VM."""
    from photon.cli.answer import print_json, print_members

    result = _result(session, session.client.vms.mks_ticket(resolve(session, VM, name)))
    if result is None:
        return
    if session.output == "json":
        print_json(result)
        return
    print_members(result)


def _result(session: Session, task: Task) -> dict[str, Any] | None:
    """What the task answers once it is done; None when nobody waits."""
    if session.no_wait:
        show_begun(session, task)
        return None
    result: dict[str, Any] = wait_for(session, task).resource_properties
    return result


@COMMAND.command("attach-disk", examples="photon vm attach-disk web-1 data-1")
@reference(VM)
@click.argument("disk", type=Reference(DISK))
@waits
@pass_session
def attach_disk(session: Session, name: str, disk: str) -> None:
    """Attach a persistent disk to a VM of the same project."""
    vm_id = resolve(session, VM, name)
    task = session.client.vms.attach_disk(vm_id, resolve(session, DISK, disk))
    finish(session, task, lambda _: f"Disk {disk} is attached to VM {name}.")


@COMMAND.command("detach-disk", examples="photon vm detach-disk web-1 data-1")
@reference(VM)
@click.argument("disk", type=Reference(DISK))
@waits
@pass_session
def detach_disk(session: Session, name: str, disk: str) -> None:
    """Detach a persistent disk. Unmount it in the guest first."""
    vm_id = resolve(session, VM, name)
    task = session.client.vms.detach_disk(vm_id, resolve(session, DISK, disk))
    finish(session, task, lambda _: f"Disk {disk} is detached from VM {name}.")


@COMMAND.command("create-image", examples="photon vm create-image web-1 web-golden")
@reference(VM)
@click.argument("image")
@click.option(
    "--replication",
    type=click.Choice(["EAGER", "ON_DEMAND"], case_sensitive=False),
    default="EAGER",
    show_default=True,
)
@waits
@pass_session
def create_image(session: Session, name: str, image: str, replication: str) -> None:
    """Make an image of a stopped VM's boot disk."""
    from photon.domain.image import ReplicationType
    from photon.wire.v1.image import ImageCreateSpec

    spec = ImageCreateSpec(image, ReplicationType(replication))
    task = session.client.vms.create_image(resolve(session, VM, name), spec)
    finish(session, task, lambda done: f"Image {image} is created: {done.entity.id}")


@COMMAND.command("set-metadata", examples="photon vm set-metadata web-1 owner=ann stage=test")
@reference(VM)
@click.argument("metadata", nargs=-1, metavar="[KEY=VALUE]...")
@waits
@pass_session
def set_metadata(session: Session, name: str, metadata: tuple[str, ...]) -> None:
    """Replace all metadata of a VM."""
    task = session.client.vms.set_metadata(resolve(session, VM, name), pairs(metadata))
    finish(session, task, lambda _: f"The metadata of VM {name} is set.")


@COMMAND.command("add-tag", examples="photon vm add-tag web-1 blue")
@reference(VM)
@click.argument("tag")
@waits
@pass_session
def add_tag(session: Session, name: str, tag: str) -> None:
    """Add a tag to a VM."""
    task = session.client.vms.add_tag(resolve(session, VM, name), tag)
    finish(session, task, lambda _: f"VM {name} has the tag {tag}.")


COMMAND.add_command(add_tag, "set-tag")
