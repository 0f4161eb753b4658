"""photon zone: availability zones."""

from __future__ import annotations

import click

from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import add_delete_when_unused, add_list, add_show, add_tasks
from photon.cli.things import ZONE
from photon.cli.verb import Noun

COMMAND = Noun("zone", help="Availability zones: hosts that fail together.")


@COMMAND.command("create", examples="photon zone create rack-1")
@click.argument("name")
@waits
@pass_session
def create(session: Session, name: str) -> None:
    """Make a zone. Hosts are put in it with `photon host set-zone`."""
    from photon.wire.v1.host import ZoneCreateSpec

    task = session.client.zones.create(ZoneCreateSpec(name))
    finish(session, task, lambda done: f"Zone {name} is created: {done.entity.id}")


add_list(COMMAND, ZONE)
add_show(COMMAND, ZONE, lambda session, id: session.client.zones.get(id))
add_delete_when_unused(
    COMMAND,
    ZONE,
    lambda session, id: session.client.zones.delete(id),
    lambda session, id: session.client.zones.get(id),
)
add_tasks(COMMAND, ZONE, lambda session, id, state: session.client.zones.tasks(id, state=state))
