"""photon disk: persistent disks."""

from __future__ import annotations

import click

from photon.cli.names import resolve
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import Reference, add_delete, add_list, add_show, add_tasks
from photon.cli.things import DISK, VM
from photon.cli.verb import Noun

COMMAND = Noun("disk", help="Persistent disks: they outlive the VMs they are attached to.")


@COMMAND.command(
    "create",
    examples="""
    photon disk create data-1 --flavor fast-disk --capacity 10
    photon disk create data-1 --flavor fast-disk --capacity 10 --near web-1
    """,
)
@click.argument("name")
@click.option("--flavor", required=True, help="Name of a persistent-disk flavor.")
@click.option("--capacity", type=click.IntRange(min=1), required=True, metavar="GB")
@click.option("--near", multiple=True, metavar="VM", type=Reference(VM), help="Reachable for it.")
@click.option("--tag", multiple=True, help="May be repeated.")
@waits
@pass_session
def create(
    session: Session,
    name: str,
    flavor: str,
    capacity: int,
    near: tuple[str, ...],
    tag: tuple[str, ...],
) -> None:
    """Make a persistent disk in the project."""
    from photon.wire.v1.affinity import LocalitySpec
    from photon.wire.v1.disk import DiskCreateSpec

    places = [LocalitySpec(resolve(session, VM, vm), "vm") for vm in near]
    spec = DiskCreateSpec(name, "persistent-disk", flavor, capacity, [*tag] or None, places or None)
    task = session.client.disks.create(session.project_id, spec)
    finish(session, task, lambda done: f"Disk {name} is created: {done.entity.id}")


add_list(COMMAND, DISK)
add_show(COMMAND, DISK, lambda session, id: session.client.disks.get(id))
add_delete(COMMAND, DISK, lambda session, id: session.client.disks.delete(id))
add_tasks(COMMAND, DISK, lambda session, id, state: session.client.disks.tasks(id, state=state))
