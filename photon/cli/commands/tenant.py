"""photon tenant: who uses the system."""

from __future__ import annotations

from dataclasses import replace

import click

from photon.cli.amounts import AMOUNTS_HELP, parts, quota_of
from photon.cli.names import resolve
from photon.cli.progress import finish, waits
from photon.cli.remembered import remember
from photon.cli.session import Session, pass_session
from photon.cli.thing import add_delete, add_list, add_show, add_tasks, reference
from photon.cli.things import TENANT
from photon.cli.verb import Noun

COMMAND = Noun("tenant", help="Tenants: who uses the system.")


@COMMAND.command(
    "create",
    examples="""
    photon tenant create eng
    photon tenant create eng --limits "vm.cpu 100 COUNT, vm.memory 400 GB"
    """,
)
@click.argument("name")
@click.option("--limits", multiple=True, metavar="LIMITS", help=AMOUNTS_HELP)
@click.option("--security-groups", multiple=True, metavar="GROUPS", help=r"domain\group, ...")
@waits
@pass_session
def create(
    session: Session, name: str, limits: tuple[str, ...], security_groups: tuple[str, ...]
) -> None:
    """Make a tenant."""
    from photon.wire.v1.tenancy import TenantCreateSpec

    spec = TenantCreateSpec(
        name,
        security_groups=[*parts(security_groups)] or None,
        quota=quota_of(limits) if limits else None,
    )
    task = session.client.tenants.create(spec)
    finish(session, task, lambda done: f"Tenant {name} is created: {done.entity.id}")


add_list(COMMAND, TENANT)
add_show(COMMAND, TENANT, lambda session, id: session.client.tenants.get(id))
add_delete(COMMAND, TENANT, lambda session, id: session.client.tenants.delete(id))
add_tasks(COMMAND, TENANT, lambda session, id, state: session.client.tenants.tasks(id, state=state))


@COMMAND.command("set")
@reference(TENANT)
@pass_session
def set_(session: Session, name: str) -> None:
    """Remember the tenant, so that --tenant is not needed. The project is forgotten."""
    session.client.tenants.get(resolve(session, TENANT, name))
    remember(session.file, replace(session.remembered, tenant=name, project=None))
    print(f"The tenant is {name}.")


@COMMAND.command("get")
@pass_session
def get(session: Session) -> None:
    """Show the tenant that commands use when none is named."""
    from photon.cli.answer import show_one

    show_one(session, session.client.tenants.get(session.tenant_id))


@COMMAND.command(
    "set-security-groups", examples=r"photon tenant set-security-groups eng 'corp\eng'"
)
@reference(TENANT)
@click.argument("groups", nargs=-1)
@waits
@pass_session
def set_security_groups(session: Session, name: str, groups: tuple[str, ...]) -> None:
    r"""Replace the groups (domain\group) whose members may use the tenant."""
    id = resolve(session, TENANT, name)
    task = session.client.tenants.set_security_groups(id, [*parts(groups)])
    finish(session, task, lambda _: f"The security groups of tenant {name} are set.")
