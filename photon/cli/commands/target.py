"""photon target: which API to speak to."""

from __future__ import annotations

import sys
from dataclasses import replace

import click

from photon.cli.remembered import Remembered, remember
from photon.cli.session import Session, as_target, pass_session
from photon.cli.verb import Noun

COMMAND = Noun("target", help="Which API to speak to.")


@COMMAND.command("set", examples="photon target set http://127.0.0.1:9000")
@click.argument("url")
@pass_session
def set_(session: Session, url: str) -> None:
    """Remember the API at URL. Tenant and project are forgotten when it is another one."""
    from photon.sdk.errors import SdkError

    target = as_target(url)
    before = session.remembered
    same = before.target == target
    remember(session.file, replace(before, target=target) if same else Remembered(target))
    print(f"The target is {target}.")
    session.options["target"] = target
    session.retries_max = 0
    try:
        session.client.system.version()
    except SdkError as error:
        print(f"Warning: it is remembered, but does not answer now: {error}", file=sys.stderr)


@COMMAND.command("show")
@pass_session
def show(session: Session) -> None:
    """Show the target, and the tenant and project that are remembered."""
    from photon.cli.answer import print_json, print_members

    known = {"target": session.target} | {
        name: session.said(name) for name in ("tenant", "project")
    }
    if session.output == "json":
        print_json(known)
        return
    print_members(known)


@COMMAND.command("info")
@pass_session
def info(session: Session) -> None:
    """Show the target's version and sort of network."""
    from photon.cli.answer import print_entity, print_json

    version = session.client.system.version()
    (print_json if session.output == "json" else print_entity)(version)
