"""The page of all settings, made from what the programs themselves say."""

from __future__ import annotations

import click

from photon.agent.main import main as agent
from photon.controller.__main__ import main as controller
from photon.devbox.__main__ import devbox

HEAD = """# Settings

The options of each program, as its `--help` tells them. Made from the programs: do not edit.
"""
WIDTH = 100

PROGRAMS = (
    ("python -m photon.controller", controller),
    ("python -m photon.agent", agent),
    ("bin/devbox", devbox),
)


def page() -> str:
    """Markdown: a chapter a program."""
    return HEAD + "".join(_chapter(name, command) for name, command in PROGRAMS)


def _chapter(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH)
    return f"\n## `{name}`\n\n```\n{command.get_help(context)}\n```\n"
