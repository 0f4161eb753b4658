"""photon capacity: how many more VMs of one sort fit."""

from __future__ import annotations

import click

from photon.cli.answer import print_json, say
from photon.cli.names import is_id, resolve
from photon.cli.session import Session, pass_session
from photon.cli.thing import Reference
from photon.cli.things import FLAVOR, IMAGE, SUBNET
from photon.cli.verb import Verb
from photon.cli.vm_create import AFFINITY_HELP
from photon.cli.vm_disks import some_disks
from photon.cli.vm_places import places


@click.command(
    "capacity",
    cls=Verb,
    examples="""
    photon capacity --flavor small
    photon capacity --flavor small --image ubuntu --disks "boot core-disk boot=true" --count 40
    """,
)
@click.option("--flavor", "-f", required=True, type=Reference(FLAVOR), metavar="FLAVOR")
@click.option("--image", "-i", type=Reference(IMAGE), metavar="IMAGE", help="Of the boot disk.")
@click.option("--boot-disk", metavar="FLAVOR", help="Ephemeral-disk flavor of the boot disk.")
@click.option(
    "--disks",
    "--disk",
    "-d",
    multiple=True,
    metavar="DISKS",
    help='"NAME FLAVOR boot=true" or "NAME FLAVOR GB"; by commas, or repeated.',
)
@click.option("--subnet", "-w", multiple=True, type=Reference(SUBNET), metavar="SUBNET")
@click.option("--affinity", "-a", multiple=True, metavar="AFFINITY", help=AFFINITY_HELP)
@click.option("--count", "-n", type=click.IntRange(min=1), metavar="N", help="Do so many fit?")
@pass_session
def COMMAND(  # noqa: N802 - what photon.cli.root asks each noun's module for
    session: Session,
    flavor: str,
    image: str | None,
    boot_disk: str | None,
    disks: tuple[str, ...],
    subnet: tuple[str, ...],
    affinity: tuple[str, ...],
    count: int | None,
) -> None:
    """Tell how many more VMs of one sort fit, and what runs out first.

    Nothing is held. With --count, the exit code is 1 when so many do not fit.
    """
    from photon.cli.table import print_table
    from photon.wire.v1.capacity import CapacitySpec

    client = session.client
    spec = CapacitySpec(
        flavor=client.flavors.get(flavor).name if is_id(flavor) else flavor,
        source_image_id=None if image is None else resolve(session, IMAGE, image),
        attached_disks=some_disks(disks, boot_disk) or None,
        affinities=places(session, affinity) or None,
        subnets=[resolve(session, SUBNET, each) for each in subnet] or None,
        count=count,
    )
    answer = client.vms.capacity(session.project_id, spec)
    if session.output == "json":
        print_json(answer)
    else:
        limit = "" if answer.exact else " at most"
        quota = "" if answer.within_quota is None else f", the quota for {answer.within_quota}"
        say(
            session,
            f"{answer.count} more fit{limit}: hosts have room for {answer.on_hosts}{quota}.",
        )
        if answer.runs_out_first is not None:
            say(session, f"First to run out: {answer.runs_out_first.explanation}.")
        if answer.zones:
            columns = [
                ("ZONE", lambda zone: zone.name),
                ("FIT", lambda zone: zone.count),
                ("RUNS OUT", lambda zone: zone.what or "-"),
            ]
            print_table(columns, answer.zones)
    if answer.fits is False:
        raise click.exceptions.Exit(1)
