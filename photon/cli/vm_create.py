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
from photon.cli.vm_levels import print_levels
from photon.cli.vm_places import places
from photon.cli.vm_rules import RULE_SYNTAX, placement_asked

if TYPE_CHECKING:
    from photon.wire.v1.placement import VmDryRun, VmPlacementSpec
    from photon.wire.v1.vm import Vm, VmCreateSpec

DISKS_HELP = '"NAME FLAVOR boot=true" or "NAME FLAVOR GB"; by commas, or repeated.'
AFFINITY_HELP = "KIND:NAME; disk, datastore, datastoreType, zone, host, portGroup. Repeatable."


@dataclass(frozen=True, slots=True)
class Where:
    """Where it must be, where it would rather be, and how it lies to others."""

    affinity: Sequence[str]
    prefer: Sequence[str]
    placement: VmPlacementSpec | None


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of `vm create`, as they were typed."""

    name: str
    flavor: str
    image: str
    boot_disk: str | None
    disks: Sequence[str]
    subnet: Sequence[str]
    environment: Sequence[str]
    metadata: Sequence[str]
    tag: Sequence[str]
    where: Where


@click.command(
    "create",
    cls=Verb,
    examples="""
    photon vm create web-1 --flavor small --image ubuntu --boot-disk core-disk --start
    photon vm create web-1 --flavor small --image ubuntu \\
      --disks "boot core-disk boot=true, data core-disk 10" --subnet lan --affinity zone:rack-1
    photon vm create web-2 --flavor small --image ubuntu --boot-disk core-disk \
      --group web --apart-from web:host=1:zone=2 --together-with db:soft --dry-run
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
@click.option("--prefer", multiple=True, metavar="AFFINITY", help="The same, only wished for.")
@click.option(
    "--strategy",
    type=click.Choice(["spread", "pack"]),
    help="To the emptiest host, or the fullest.  [default: the project's]",
)
@click.option("--group", multiple=True, help="It is a member of it. May be repeated.")
@click.option(
    "--apart-from",
    multiple=True,
    metavar="RULE",
    help=f"{RULE_SYNTAX}: at most N VMs of the group, or with the tag, on its host (1) or in "
    "its zone, itself counted.",
)
@click.option(
    "--together-with",
    multiple=True,
    metavar="RULE",
    help="[tag=]NAME[:soft]: on a host that has one.",
)
@click.option("--environment", "-e", multiple=True, metavar="KEY=VALUE", help="Image settings.")
@click.option("--metadata", multiple=True, metavar="KEY=VALUE", help="May be repeated.")
@click.option("--tag", "-t", multiple=True, help="May be repeated.")
@click.option("--start", is_flag=True, help="Start it as well.")
@click.option("--dry-run", is_flag=True, help="Only tell what would happen. Exit code 1: no room.")
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
    prefer: tuple[str, ...],
    strategy: str | None,
    group: tuple[str, ...],
    apart_from: tuple[str, ...],
    together_with: tuple[str, ...],
    dry_run: bool,
) -> None:
    """Make a VM in the project, and print where it landed."""
    if start and session.no_wait:
        raise click.UsageError("--start has to wait until the VM is created: leave out --no-wait.")
    placement = placement_asked(strategy, group, apart_from, together_with)
    where = Where(affinity, prefer, placement)
    wish = Wish(name, flavor, image, boot_disk, disks, subnet, environment, metadata, tag, where)
    spec = asked(session, wish)
    client = session.client
    if dry_run:
        foretell(session, client.vms.dry_run(session.project_id, spec))
        return
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
        affinities=[
            *places(session, wish.where.affinity),
            *places(session, wish.where.prefer, soft=True),
        ]
        or None,
        subnets=[resolve(session, SUBNET, subnet) for subnet in wish.subnet] or None,
        placement=wish.where.placement,
    )


def foretell(session: Session, said: VmDryRun) -> None:
    """What would become of it; exit code 1 when it would not."""
    if session.output == "json":
        print_json(said)
    elif said.fits:
        click.echo(f"It would go to host {said.host}, datastore {said.datastore}.")
        print_levels(said.levels, said.host or "")
    else:
        assert said.error is not None, "what does not fit has an error"
        click.echo(f"It would fail with {said.error.code}: {said.error.message}")
    if not said.fits:
        raise click.exceptions.Exit(1)


def landed(vm: Vm) -> str:
    state = "is created" if vm.state == "STOPPED" else f"is {vm.state}"
    return f"VM {vm.name} {state} on host {vm.host}, datastore {vm.datastore}: {vm.id}"
