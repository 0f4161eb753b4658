"""photon vm console."""

from __future__ import annotations

import sys

import click

from photon.cli.names import resolve
from photon.cli.progress import wait_for
from photon.cli.session import Session, pass_session
from photon.cli.thing import reference
from photon.cli.things import VM
from photon.cli.verb import Verb

# Long enough that a slow boot's pauses do not end a script's session, short enough to wait out.
QUIET_SECONDS = 2.0
LOG_QUIET_SECONDS = 1.0  # what was said before comes at once, so a second of nothing is its end


@click.command(
    "console",
    cls=Verb,
    examples="""
    photon vm console web-1
    photon vm console web-1 --log
    printf 'root\\nuptime\\n' | photon vm console web-1 --quiet-seconds 5
    """,
)
@reference(VM)
@click.option("--log", is_flag=True, help="Print what the console said so far, and end.")
@click.option(
    "--quiet-seconds",
    type=click.FloatRange(min=0),
    default=QUIET_SECONDS,
    show_default=True,
    help="Input that is no terminal: end when nothing was said for so long after it.",
)
@pass_session
def console(session: Session, name: str, log: bool, quiet_seconds: float) -> None:
    """Speak with a VM over its serial line. Ctrl-] ends it.

    On a terminal every key goes to the VM. Otherwise standard input is sent, and what the VM says
    is printed until it has been quiet for a while.
    """
    from photon.cli.terminal import converse, listen
    from photon.sdk.console import console_ticket, open_console
    from photon.sdk.nouns.compute import ConsoleKind

    vm_id = resolve(session, VM, name)
    task = session.client.vms.console_ticket(vm_id, ConsoleKind.SERIAL)
    ticket = console_ticket(wait_for(session, task))
    with open_console(ticket) as line:
        if log:
            listen(line, LOG_QUIET_SECONDS)
            return
        if sys.stdin.isatty():
            print(f"Connected to {name}. Ctrl-] ends it.\r", file=sys.stderr)
        converse(line, sys.stdin.fileno(), quiet_seconds)
