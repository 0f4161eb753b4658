"""photon controller: the door to the controller, which is a program of its own."""

from __future__ import annotations

import os
import sys

import click

PROGRAM = ("-m", "photon.controller")


@click.command(
    "controller",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def COMMAND(arguments: tuple[str, ...]) -> None:  # noqa: N802  every noun's module has this one
    """Run a controller on this machine until it is told to stop. --help shows its settings.

    Any number of them may run, on one store that they share.
    """
    # In place of this process, so that signals reach the controller itself.
    os.execv(sys.executable, [sys.executable, *PROGRAM, *arguments])  # noqa: S606  no shell needed
