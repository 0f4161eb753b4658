"""photon image: what boot disks are copied from."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import click

from photon.cli.names import resolve
from photon.cli.progress import bytes_shown, finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.thing import add_delete_when_unused, add_list, add_show, add_tasks, reference
from photon.cli.things import IMAGE
from photon.cli.verb import Noun

COMMAND = Noun("image", help="What boot disks are copied from.")


@COMMAND.command(
    "create",
    examples="""
    photon image create ubuntu-24.04.ova
    photon image create disk.vmdk --name base --replication ON_DEMAND
    photon image create disk.qcow2 --scope project --project web
    """,
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Of the image.  [default: the file's name]")
@click.option(
    "--replication",
    type=click.Choice(["EAGER", "ON_DEMAND"], case_sensitive=False),
    default="EAGER",
    show_default=True,
    help="Copy it to every datastore now, or to each when a VM needs it there.",
)
@click.option(
    "--scope",
    type=click.Choice(["infrastructure", "project"]),
    default="infrastructure",
    show_default=True,
    help="Whom it is for: everybody, or the members of the project.",
)
@waits
@pass_session
def create(session: Session, file: Path, name: str | None, replication: str, scope: str) -> None:
    """Upload FILE (OVA, VMDK or qcow2) as an image."""
    from photon.domain.image import ReplicationType
    from photon.sdk.nouns.catalogue import ImageUpload

    project_id = session.project_id if scope == "project" else None
    name = name or file.name
    with file.open("rb") as stream, bytes_shown(f"Uploading {file.name}") as progress:
        sort = ReplicationType(replication)
        upload = ImageUpload(name, stream, sort, project_id, progress)
        task = session.client.images.upload(upload)
    finish(session, task, lambda done: f"Image {name} is created: {done.entity.id}")


add_list(COMMAND, IMAGE)
add_show(COMMAND, IMAGE, lambda session, id: session.client.images.get(id))
add_delete_when_unused(
    COMMAND,
    IMAGE,
    lambda session, id: session.client.images.delete(id),
    lambda session, id: session.client.images.get(id),
)
add_tasks(COMMAND, IMAGE, lambda session, id, state: session.client.images.tasks(id, state=state))


@COMMAND.command("download", examples="photon image download ubuntu ubuntu.qcow2")
@reference(IMAGE)
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@pass_session
def download(session: Session, name: str, file: Path) -> None:
    """Write the image, as a qcow2, to FILE."""
    id = resolve(session, IMAGE, name)
    # A download that breaks off leaves no FILE that looks whole.
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream, bytes_shown(f"Downloading {name}") as progress:
            session.client.images.download(id, _sink(stream.write, progress))
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    print(f"Image {name} is in {file}.")


def _sink(
    write: Callable[[bytes], object], progress: Callable[[int, int | None], None] | None
) -> Callable[[bytes], None]:
    done_bytes = 0

    def take(piece: bytes) -> None:
        nonlocal done_bytes
        write(piece)
        done_bytes += len(piece)
        if progress is not None:
            progress(done_bytes, None)  # the API does not say the file's size before

    return take
