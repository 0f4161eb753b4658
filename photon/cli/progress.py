"""Waiting, visibly: the steps of a task, and the bytes of a file. On standard error, if a terminal.

Standard output is the answer's alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from photon.cli.answer import print_json, say

if TYPE_CHECKING:
    from photon.cli.session import Session
    from photon.wire.v1.task import Task

STEP_MARKS = {"COMPLETED": "✓", "STARTED": "▸", "ERROR": "✗", "QUEUED": "·"}


def waits(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of every command that makes a task."""
    no_wait = click.option(
        "--no-wait",
        is_flag=True,
        expose_value=False,
        callback=_keep_no_wait,
        help="Print the task at once instead of waiting for it.",
    )
    timeout = click.option(
        "--timeout",
        type=click.FloatRange(min=0),
        metavar="SECONDS",
        expose_value=False,
        callback=_keep_timeout,
        help="How long to wait for the task.  [default: 1800]",
    )
    return no_wait(timeout(command))


def _keep_no_wait(ctx: click.Context, option: click.Parameter, value: object) -> None:
    from photon.cli.session import Session

    if value:
        ctx.ensure_object(Session).no_wait = True


def _keep_timeout(ctx: click.Context, option: click.Parameter, value: float | None) -> None:
    from photon.cli.session import Session

    if value is not None:
        ctx.ensure_object(Session).wait_seconds = value


def finish(session: Session, task: Task, sentence: Callable[[Task], str]) -> None:
    """Waits for `task` and answers: the sentence, the task as JSON, or the id of what it is about.

    With --no-wait the task is answered as it is.
    """
    if session.no_wait:
        show_begun(session, task)
        return
    done = wait_for(session, task)
    match session.output:
        case "json":
            print_json(done)
        case "id":
            print(done.entity.id)
        case _:
            for warning in (warning for step in done.steps for warning in step.warnings):
                print(f"Warning: {warning.message}", file=sys.stderr)
            say(session, sentence(done))


def show_begun(session: Session, task: Task) -> None:
    match session.output:
        case "json":
            print_json(task)
        case "id":
            print(task.id)
        case _:
            print(
                f"{task.operation} of {task.entity.kind} {task.entity.id} is {task.state}. "
                f"Follow it with: photon task monitor {task.id}"
            )


def wait_for(session: Session, task: Task) -> Task:
    """The task once it is COMPLETED; its steps are shown meanwhile when somebody watches."""
    from photon.domain.task import TaskState

    if task.state is TaskState.COMPLETED:
        return task
    with steps_shown() as watch:
        return session.client.tasks.wait(task.id, session.wait_seconds, watch=watch)


@contextmanager
def steps_shown() -> Iterator[Callable[[Task], None] | None]:
    """What shows a task's steps as it goes, or None when nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    with Console(stderr=True).status("...") as status:
        yield lambda task: status.update(steps_line(task))


def steps_line(task: Task) -> str:
    steps = "  ".join(f"{STEP_MARKS[step.state]} {step.operation}" for step in task.steps)
    return f"{task.operation}  {steps}"


@contextmanager
def bytes_shown(title: str) -> Iterator[Callable[[int, int | None], None] | None]:
    """What shows (bytes done, bytes in all) as a bar with rate and remaining time, or None."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(bar, completed=done, total=total)
