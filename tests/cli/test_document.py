"""Every command that the guide shows exists, with the options that it shows."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from photon.cli.root import NOUNS
from photon.cli.root import photon as root

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "cli.md"


def shown() -> list[str]:
    """The guide's commands, and those in the examples of each command's help."""
    lines = GUIDE.read_text().splitlines()
    # A command keeps the help option that it was first asked for: ask as the program does.
    context = click.Context(root, **root.context_settings)
    for noun in NOUNS:
        group = root.get_command(context, noun)
        verbs = group.commands.values() if isinstance(group, click.Group) else []
        for command in verbs:
            text = command.get_help(click.Context(command, parent=context)).replace("\\\n", "")
            lines += [line.strip() for line in text.splitlines()]
    return [line for line in lines if line.startswith("photon ") and " -" in line]


@pytest.mark.parametrize("line", shown())
def test_a_command_that_is_shown_can_be_typed(line: str) -> None:
    words = shlex.split(line.partition("|")[0])[1:]
    context = click.Context(root)
    noun, verb, *rest = words
    group = root.get_command(context, noun)
    assert isinstance(group, click.Group), noun
    command = group.commands[verb]
    known = {option for param in command.params for option in param.opts}
    assert {word for word in rest if word.startswith("-")} <= known
