"""photon infrastructure: settings that all hosts share."""

from __future__ import annotations

import click

from photon.cli.amounts import parts
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import add_list
from photon.cli.things import HOST
from photon.cli.verb import Noun

COMMAND = Noun("infrastructure", help="Settings that all hosts share.")
_HOSTS = Noun("hosts")
add_list(_HOSTS, HOST)
COMMAND.add_command(_HOSTS.commands["list"], "list-hosts")


@COMMAND.command(
    "update-image-datastores", examples="photon infrastructure update-image-datastores ds-1 ds-2"
)
@click.argument("datastores", nargs=-1, required=True)
@waits
@pass_session
def update_image_datastores(session: Session, datastores: tuple[str, ...]) -> None:
    """Name the datastores that hold every image. The set only grows."""
    task = session.client.system.set_image_datastores([*parts(datastores)])
    finish(session, task, lambda _: "The image datastores are set.")


@COMMAND.command("sync-hosts-config")
@waits
@pass_session
def sync_hosts_config(session: Session) -> None:
    """Push these settings to every host again."""
    task = session.client.system.sync_hosts_config()
    finish(session, task, lambda _: "Every host has the settings.")
