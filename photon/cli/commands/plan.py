"""photon plan: the door to the planner, which is a program of its own."""

from __future__ import annotations

import os
import sys

import click

PROGRAM = ("-m", "photon.plan")


@click.command(
    "plan",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def COMMAND(arguments: tuple[str, ...]) -> None:  # noqa: N802  every noun's module has this one
    """Ask what would happen: how many VMs fit, and what if a rack died. --help shows how.

    Nothing of a target is asked or changed.
    """
    # In place of this process: what runs there imports the controller, which a client never does.
    os.execv(sys.executable, [sys.executable, *PROGRAM, *arguments])  # noqa: S606  no shell needed
