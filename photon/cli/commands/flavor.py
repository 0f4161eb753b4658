"""photon flavor: what a VM or a disk of a sort has and costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from photon.cli.amounts import AMOUNTS_HELP, line_items, size_item
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import add_delete_when_unused, add_show, add_tasks
from photon.cli.things import FLAVOR
from photon.cli.verb import Noun

if TYPE_CHECKING:
    from photon.wire.v1.basics import QuotaLineItem

COMMAND = Noun("flavor", help="What a VM or a disk of a sort has and costs.")
KINDS = click.Choice(["vm", "ephemeral-disk", "persistent-disk"])


@COMMAND.command(
    "create",
    examples="""
    photon flavor create small --kind vm --cpu 2 --memory 4GB
    photon flavor create small --kind vm --cost "vm.cpu 2 COUNT, vm.memory 4 GB"
    photon flavor create core-disk --kind ephemeral-disk
    photon flavor create fast-disk --kind persistent-disk --storage SHARED_VMFS
    """,
)
@click.argument("name")
@click.option("--kind", type=KINDS, required=True)
@click.option("--cost", multiple=True, metavar="COST", help=AMOUNTS_HELP)
@click.option("--cpu", type=click.FloatRange(min=0), help="VM: the same as vm.cpu in --cost.")
@click.option("--memory", metavar="SIZE", help="VM: the same as vm.memory in --cost; 4GB.")
@click.option("--storage", multiple=True, metavar="TAG", help="Disk: only on datastores with it.")
@waits
@pass_session
def create(
    session: Session,
    name: str,
    kind: str,
    cost: tuple[str, ...],
    cpu: float | None,
    memory: str | None,
    storage: tuple[str, ...],
) -> None:
    """Make a flavor.

    --cpu and --memory, and a disk flavor without --cost, also count one of the kind, so that a
    quota can limit how many there are.
    """
    from photon.wire.v1.flavor import FlavorCreateSpec

    if kind != "vm" and (cpu is not None or memory is not None):
        raise click.UsageError("--cpu and --memory are for flavors of the kind vm.")
    items = line_items(cost)
    if not cost and (kind != "vm" or cpu is not None or memory is not None):
        items += line_items([f"{kind} 1 COUNT"])
    if cpu is not None:
        items += line_items([f"vm.cpu {cpu:g} COUNT"])
    if memory is not None:
        items.append(size_item("vm.memory", memory))
    items += line_items(f"storage.{tag} 1 COUNT" for tag in storage)
    task = session.client.flavors.create(FlavorCreateSpec(name, kind, _checked(items)))
    finish(session, task, lambda done: f"Flavor {name} is created: {done.entity.id}")


def _checked(items: list[QuotaLineItem]) -> list[QuotaLineItem]:
    if not items:
        raise click.UsageError("A vm flavor needs --cpu and --memory, or --cost.")
    keys = [item.key for item in items]
    if len(set(keys)) < len(keys):
        raise click.UsageError("A key of --cost is also given by --cpu, --memory or --storage.")
    return items


@COMMAND.command("list")
@click.option("--name", help="Only those of this name.")
@click.option("--kind", type=KINDS, help="Only those of this kind.")
@pass_session
def list_(session: Session, name: str | None, kind: str | None) -> None:
    """List flavors."""
    from photon.cli.answer import show_list

    show_list(session, FLAVOR.columns, session.client.flavors.list(name=name, kind=kind))


add_show(COMMAND, FLAVOR, lambda session, id: session.client.flavors.get(id))
add_delete_when_unused(
    COMMAND,
    FLAVOR,
    lambda session, id: session.client.flavors.delete(id),
    lambda session, id: session.client.flavors.get(id),
)
add_tasks(COMMAND, FLAVOR, lambda session, id, state: session.client.flavors.tasks(id, state=state))
