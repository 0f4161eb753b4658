"""Names resolve as well as ids: finding the one thing that a person means."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from photon.cli.session import Session
    from photon.cli.thing import Thing

ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", flags=re.IGNORECASE)
AMBIGUOUS_MAX = 10  # as many ids as one can choose from by eye
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3


class NothingNamed(click.ClickException):
    exit_code = EXIT_NOT_FOUND


class SeveralNamed(click.ClickException):
    exit_code = EXIT_USAGE


def is_id(text: str) -> bool:
    return ID.fullmatch(text) is not None


def resolve(session: Session, thing: Thing, text: str) -> str:
    """The id of what `text` names or is the id of.

    Raises:
        NothingNamed: no such name.
        SeveralNamed: several have that name; the message lists their ids.
    """
    if is_id(text):
        return text.lower()
    same = (one for one in thing.list(session, text) if text in (thing.label(one), one.id))
    return the_one(thing.noun, text, same)


def the_one(noun: str, name: str, same: Iterable[Any]) -> str:
    found = list(islice(same, AMBIGUOUS_MAX))
    if not found:
        raise NothingNamed(f"There is no {noun} named {name!r}. `photon {noun} list` shows all.")
    if len(found) > 1:
        ids = "\n".join(f"  {one.id}  {getattr(one, 'state', '')}".rstrip() for one in found)
        raise SeveralNamed(f"Several {noun}s are named {name!r}. Give the id of one:\n{ids}")
    chosen: str = found[0].id
    return chosen


def tenant_id(session: Session) -> str:
    """Of the tenant that the options, the environment or the memory names."""
    name = session.said("tenant")
    if name is None:
        raise click.UsageError(
            "Which tenant? Give --tenant NAME, set $PHOTON_TENANT, or `photon tenant set NAME`."
        )
    if is_id(name):
        return name.lower()
    same = (one for one in session.client.tenants.list(name=name) if one.name == name)
    return the_one("tenant", name, same)


def project_id(session: Session) -> str:
    """As `tenant_id`. A project's name is looked for in the tenant."""
    name = session.said("project")
    if name is None:
        raise click.UsageError(
            "Which project? Give --project NAME, set $PHOTON_PROJECT, or `photon project set NAME`."
        )
    if is_id(name):
        return name.lower()
    projects = session.client.projects.list(session.tenant_id, name=name)
    return the_one("project", name, (one for one in projects if one.name == name))
