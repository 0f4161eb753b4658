"""photon task: what was asked for, and how far it is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from photon.cli.progress import steps_shown
from photon.cli.session import WAIT_SECONDS, Session, pass_session
from photon.cli.thing import show_tasks
from photon.cli.verb import Noun
from photon.cli.watched import show_watched, watches

if TYPE_CHECKING:
    from photon.wire.v1.task import Task

COMMAND = Noun("task", help="What was asked for, and how far it is.")


@COMMAND.command(
    "list",
    examples="""
    photon task list --state STARTED --watch
    photon task list --kind vm --entity 0192c1d2-0000-7000-8000-000000000001
    """,
)
@click.option("--entity", metavar="ID", help="Only those about this; needs --kind.")
@click.option("--kind", help="Of the entity: vm, image, persistent-disk, ...")
@click.option("--state", help="Only those in this state: QUEUED, STARTED, COMPLETED, ERROR.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many.")
@watches
@pass_session
def list_(
    session: Session,
    entity: str | None,
    kind: str | None,
    state: str | None,
    limit: int | None,
    *,
    watch: bool,
) -> None:
    """List tasks."""
    if (entity is None) != (kind is None):
        raise click.UsageError("--entity and --kind are given together.")

    def tasks() -> Iterator[Task]:
        return session.client.tasks.list(entity_id=entity, entity_kind=kind, state=state)

    if not watch:
        show_tasks(session, islice(tasks(), limit))
        return
    from photon.cli.task_table import TASK_COLUMNS

    events = session.client.tasks.watch(entity_id=entity, entity_kind=kind, state=state)
    show_watched(session, TASK_COLUMNS, events, tasks, limit)


@COMMAND.command("show")
@click.argument("id")
@pass_session
def show(session: Session, id: str) -> None:
    """Show a task and its steps."""
    from photon.cli.task_show import show_task

    show_task(session, session.client.tasks.get(id))


@COMMAND.command("monitor")
@click.argument("id")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", default=WAIT_SECONDS)
@pass_session
def monitor(session: Session, id: str, timeout: float) -> None:
    """Follow a task until it ends, then show it. Exit code 1 when it failed."""
    from photon.cli.task_show import show_task

    with steps_shown() as watch:
        task = session.client.tasks.wait(id, timeout, watch=watch)
    show_task(session, task)
