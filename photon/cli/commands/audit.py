"""photon audit: check every invariant of the running system."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from photon.cli.answer import print_json
from photon.cli.progress import show_begun, waits
from photon.cli.session import Session, pass_session
from photon.cli.table import Column, print_table
from photon.cli.verb import Verb

if TYPE_CHECKING:
    from photon.wire.v1.system import Audit
    from photon.wire.v1.task import Task


@click.command("audit", cls=Verb, examples="photon audit\nphoton audit -o json")
@waits
@pass_session
def COMMAND(session: Session) -> None:  # noqa: N802 - what photon.cli.root asks for
    """Check that the store and the hosts agree, that quotas add up, and that no task is left alone.

    It changes nothing, and can be run at any time: what is in flight is looked at again before it
    is told. The exit code is 1 when something is wrong.
    """
    from photon.sdk.nouns.system import audit_of

    task = session.client.system.audit()
    if session.no_wait:
        show_begun(session, task)
        return
    with _percent_shown() as watch:
        audit = audit_of(session.client.tasks.wait(task.id, session.wait_seconds, watch=watch))
    match session.output:
        case "json":
            print_json(audit)
        case "id":
            for finding in audit.findings:
                print(finding.id)
        case _:
            _print(audit)
    if audit.findings or audit.unlisted:
        click.get_current_context().exit(1)


def _print(audit: Audit) -> None:
    columns: list[Column] = [
        ("INVARIANT", lambda one: one.invariant),
        ("ID", lambda one: one.id),
        ("PROBLEM", lambda one: one.problem),
        ("WHAT TO DO", lambda one: one.advice),
    ]
    if audit.findings:
        print_table(columns, audit.findings)
    wrong = len(audit.findings) + audit.unlisted
    judged = audit.hosts - audit.hosts_silent
    listed = f", of which {len(audit.findings):,} are listed" if audit.unlisted else ""
    print(
        f"{wrong or 'No'} violations found{listed}; {judged:,} of {audit.hosts:,} hosts answered."
    )
    if audit.hosts_silent:
        print("What the other hosts hold was not judged: see photon host list.")
    if audit.quotas_unsettled:
        print(f"{audit.quotas_unsettled:,} quotas changed at every look, and were not judged.")


@contextmanager
def _percent_shown() -> Iterator[Callable[[Task], None] | None]:
    """A bar of how much was looked at, or None when nobody watches."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("looking", total=100)

        def show(task: Task) -> None:
            percent = max((float(step.options.get("percent", 0)) for step in task.steps), default=0)
            # What seems wrong is then looked at again, for some seconds.
            doing = "looking" if percent < 100 else "looking again"
            progress.update(bar, completed=percent, description=doing)

        yield show
