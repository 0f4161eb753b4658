"""What all commands share: the options that say where and how to answer, examples, suggestions."""

from __future__ import annotations

import difflib
import textwrap
from typing import Any, Final

import click

from photon.cli.session import OUTPUTS, Session

COMMON_OPTIONS_HELP: Final = (
    "Names do as well as ids. -o, --target, --tenant and --project work before and after a noun "
    "and a verb. Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 not found, 4 API not "
    "reached, 130 interrupted."
)


def common_options() -> list[click.Parameter]:
    """Those of every command. They are kept in the session, not handed to the command."""
    return [
        click.Option(
            ["-o", "--output"],
            type=click.Choice(OUTPUTS),
            help="How to answer: for people, the API's JSON, or ids only.",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--target"],
            metavar="URL",
            help="The API. [$PHOTON_TARGET, then `photon target set`]",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--tenant"],
            metavar="TENANT",
            help="Name or id. [$PHOTON_TENANT, then `photon tenant set`]",
            expose_value=False,
            callback=_keep,
        ),
        click.Option(
            ["--project"],
            metavar="PROJECT",
            help="Name or id. [$PHOTON_PROJECT, then `photon project set`]",
            expose_value=False,
            callback=_keep,
        ),
    ]


def _keep(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
    if value is not None:
        assert option.name is not None, "every option here is named"
        ctx.ensure_object(Session).options[option.name] = value


class Verb(click.Command):
    """A command with the common options, and examples that are printed as they are written."""

    def __init__(self, *args: Any, examples: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._own = len(self.params)
        self.params = [*self.params, *common_options()]
        self._examples = textwrap.dedent(examples).strip().splitlines()

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        params = self.get_params(ctx)
        own = [*params[: self._own], *params[len(self.params) :]]  # and --help, which is last
        records = [param.get_help_record(ctx) for param in own if isinstance(param, click.Option)]
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record is not None])
        with formatter.section("Common options"):
            formatter.write_text("-o human|json|id, --target URL, --tenant NAME, --project NAME")

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self._examples:
            with formatter.section("Examples"):
                for line in self._examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


class Noun(click.Group):
    """A noun's verbs, in the order of the file."""

    command_class = Verb

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], self.commands, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            ctx.fail(f"{self.name} has no verb {args[0]!r}.{meant}")
        return super().resolve_command(ctx, args)
