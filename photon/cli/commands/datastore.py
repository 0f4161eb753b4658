"""photon datastore: where hosts keep disks."""

from __future__ import annotations

import click

from photon.cli.session import Session, pass_session
from photon.cli.thing import add_show
from photon.cli.things import DATASTORE
from photon.cli.verb import Noun

COMMAND = Noun("datastore", help="Where hosts keep disks. They come and go with their hosts.")


@COMMAND.command("list")
@click.option("--tag", help="Only those with this tag, such as LOCAL_VMFS.")
@pass_session
def list_(session: Session, tag: str | None) -> None:
    """List datastores."""
    from photon.cli.answer import show_list

    show_list(session, DATASTORE.columns, session.client.datastores.list(tag=tag))


add_show(COMMAND, DATASTORE, lambda session, id: session.client.datastores.get(id))
