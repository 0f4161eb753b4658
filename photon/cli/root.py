"""`photon` itself: its nouns, each loaded when it is named."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import Final

import click

from photon.cli.verb import COMMON_OPTIONS_HELP, common_options

# Each noun, and what `photon --help` says of it. Its commands are in photon.cli.commands.NOUN.
NOUNS: Final = {
    "audit": "Check every invariant of the running system.",
    "auth": "How the target authenticates.",
    "capacity": "How many more VMs of one sort fit, and what runs out first.",
    "completion": "Print the script that completes commands in your shell.",
    "config": "Settings of a controller: check them.",
    "controller": "Run a controller on this machine.",
    "datastore": "Where hosts keep disks.",
    "disk": "Persistent disks: they outlive the VMs they are attached to.",
    "flavor": "What a VM or a disk of a sort has and costs.",
    "host": "The machines that VMs run on.",
    "image": "What boot disks are copied from.",
    "infrastructure": "Settings that all hosts share.",
    "plan": "Ask what would happen to a cloud: what fits, what if a rack died.",
    "project": "Projects of a tenant: what VMs and disks belong to.",
    "quota": "How much a tenant or a project may use, and uses.",
    "store": "Migrate, back up, restore, check, copy a CloudStore.",
    "subnet": "Networks for VMs.",
    "system": "The system as a whole: status, usage, pausing.",
    "target": "Which API to speak to.",
    "task": "What was asked for, and how far it is.",
    "tenant": "Tenants: who uses the system.",
    "vm": "Virtual machines.",
    "zone": "Availability zones: hosts that fail together.",
}


class Root(click.Group):
    """A group whose commands need no import to be listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(NOUNS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in NOUNS:
            return None
        module = import_module(f"photon.cli.commands.{cmd_name}")
        command: click.Command = module.COMMAND
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in NOUNS and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], NOUNS, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"There is no noun {args[0]!r}.{meant} `photon --help` lists them.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Nouns"):
            formatter.write_dl(list(NOUNS.items()))


@click.command(
    cls=Root,
    params=common_options(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=COMMON_OPTIONS_HELP,
)
def photon() -> None:
    """Run virtual machines on Photon Controller.

    \b
    Begin with:
      photon target set http://127.0.0.1:9000
      photon tenant set eng
      photon project set web
      photon vm create web-1 --flavor small --image ubuntu --boot-disk core-disk --start
      photon vm console web-1
    """
