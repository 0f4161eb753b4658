"""photon config: settings of a controller."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click

from photon.cli.commands.controller import PROGRAM
from photon.cli.verb import Noun

COMMAND = Noun("config", help="Settings of a controller: check them.")


@COMMAND.command("check", examples="photon config check /etc/photon/controller.toml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def check(ctx: click.Context, file: Path) -> None:
    """Show the settings that a controller would start with, and where each was said.

    What is wrong is told, all of it, and the exit code is 2. PHOTON_* variables count too.
    """
    ended = subprocess.run(
        [sys.executable, *PROGRAM, "--check", "--config", str(file)], check=False
    )
    ctx.exit(ended.returncode)
