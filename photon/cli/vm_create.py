"""photon vm create."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from photon.cli.amounts import pairs
from photon.cli.answer import print_json, say
from photon.cli.names import is_id, resolve
from photon.cli.progress import show_begun, wait_for, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import Reference
from photon.cli.things import FLAVOR, IMAGE, SUBNET
from photon.cli.verb import Verb
from photon.cli.vm_disks import attached_disks
from photon.cli.vm_places import places

if TYPE_CHECKING:
    from photon.wire.v1.vm import Vm, VmCreateSpec

DISKS_HELP = '"NAME FLAVOR boot=true" or "NAME FLAVOR GB"; by commas, or repeated.'
AFFINITY_HELP = "KIND:NAME; disk, datastore, datastoreType, zone, host, portGroup. Repeatable."


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of `vm create`, as they were typed."""

    name: str
    flavor: str
    image: str
    boot_disk: str | None
    disks: Sequence[str]
    subnet: Sequence[str]
    affinity: Sequence[str]
    environment: Sequence[str]
    metadata: Sequence[str]
    tag: Sequence[str]


@click.command(
    "create",
    cls=Verb,
    examples="""
    photon vm create web-1 --flavor small --image ubuntu --boot-disk core-disk --start
    photon vm create web-1 --flavor small --image ubuntu \\
      --disks "boot core-disk boot=true, data core-disk 10" --subnet lan --affinity zone:rack-1
    """,
)
@click.argument("name")
@click.option("--flavor", "-f", required=True, type=Reference(FLAVOR), metavar="FLAVOR")
@click.option("--image", "-i", required=True, type=Reference(IMAGE), metavar="IMAGE")
@click.option("--boot-disk", metavar="FLAVOR", help="Ephemeral-disk flavor of the boot disk.")
@click.option("--disks", "--disk", "-d", multiple=True, metavar="DISKS", help=DISKS_HELP)
@click.option(
    "--subnet",
    "-w",
    multiple=True,
    type=Reference(SUBNET),
    metavar="SUBNET",
    help="A network card each, in this order.  [default: the default subnet]",
)
@click.option("--affinity", "-a", multiple=True, metavar="AFFINITY", help=AFFINITY_HELP)
@click.option("--environment", "-e", multiple=True, metavar="KEY=VALUE", help="Image settings.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--tag", "-t", multiple=True, help="May be repeated.")
@click.option("--start", is_flag=True, help="Start it as well.")
@waits
@pass_session
def create(
    session: Session,
    name: str,
    flavor: str,
    image: str,
    boot_disk: str | None,
    disks: tuple[str, ...],
    subnet: tuple[str, ...],
    affinity: tuple[str, ...],
    environment: tuple[str, ...],
    metadata: tuple[str, ...],
    tag: tuple[str, ...],
    start: bool,
) -> None:
    """Make a VM in the project, and print where it landed."""
    if start and session.no_wait:
        raise click.UsageError("--start has to wait until the VM is created: leave out --no-wait.")
    wish = Wish(name, flavor, image, boot_disk, disks, subnet, affinity, environment, metadata, tag)
    spec = asked(session, wish)
    client = session.client
    task = client.vms.create(session.project_id, spec)
    if session.no_wait:
        show_begun(session, task)
        return
    done = wait_for(session, task)
    vm_id = done.entity.id
    if start:
        done = wait_for(session, client.vms.start(vm_id))
    match session.output:
        case "json":
            print_json(done)
        case "id":
            print(vm_id)
        case _:
            say(session, landed(client.vms.get(vm_id)))


def asked(session: Session, wish: Wish) -> VmCreateSpec:
    """What is asked of the API: the ids of what is named."""
    from photon.wire.v1.vm import VmCreateSpec

    disks = attached_disks(wish.disks, wish.boot_disk)
    return VmCreateSpec(
        name=wish.name,
        # The API names a flavor by its name alone.
        flavor=session.client.flavors.get(wish.flavor).name if is_id(wish.flavor) else wish.flavor,
        source_image_id=resolve(session, IMAGE, wish.image),
        attached_disks=disks,
        tags=[*wish.tag] or None,
        environment=pairs(wish.environment) or None,
        metadata=pairs(wish.metadata) or None,
        affinities=places(session, wish.affinity) or None,
        subnets=[resolve(session, SUBNET, subnet) for subnet in wish.subnet] or None,
    )


def landed(vm: Vm) -> str:
    state = "is created" if vm.state == "STOPPED" else f"is {vm.state}"
    return f"VM {vm.name} {state} on host {vm.host}, datastore {vm.datastore}: {vm.id}"
