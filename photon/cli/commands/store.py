"""photon store: the door to the storekeeper, which is a program of its own."""

from __future__ import annotations

import os
import sys

import click

PROGRAM = ("-m", "photon.storekeeper")


@click.command(
    "store",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def COMMAND(arguments: tuple[str, ...]) -> None:  # noqa: N802  every noun's module has this one
    """Migrate, back up, restore, check and copy a CloudStore. --help shows how."""
    # In place of this process, so that Ctrl-C reaches the storekeeper itself.
    os.execv(sys.executable, [sys.executable, *PROGRAM, *arguments])  # noqa: S606  no shell needed
