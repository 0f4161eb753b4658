"""photon project: what VMs and disks belong to."""

from __future__ import annotations

from dataclasses import replace

import click

from photon.cli.amounts import AMOUNTS_HELP, parts, quota_of
from photon.cli.names import resolve
from photon.cli.progress import finish, waits
from photon.cli.remembered import remember
from photon.cli.session import Session, pass_session
from photon.cli.shares import PERCENT, share_of
from photon.cli.thing import add_delete, add_list, add_show, reference, show_tasks
from photon.cli.things import PROJECT
from photon.cli.verb import Noun

STRATEGY = click.Choice(["spread", "pack"])

COMMAND = Noun("project", help="Projects of a tenant: what VMs and disks belong to.")


@COMMAND.command(
    "create",
    examples="""
    photon project create web
    photon project create web --limits "vm.cpu 10 COUNT, vm.memory 40 GB"
    photon project create web --percent 25
    """,
)
@click.argument("name")
@click.option("--limits", multiple=True, metavar="LIMITS", help=AMOUNTS_HELP)
@click.option("--percent", type=PERCENT, help="That part of each limit of the tenant.")
@click.option("--security-groups", multiple=True, metavar="GROUPS", help=r"domain\group, ...")
@click.option(
    "--strategy",
    type=STRATEGY,
    help="How VMs that ask for nothing else are placed.  [default: spread]",
)
@click.option("--router-cidr", metavar="CIDR", help="Private addresses of the default router.")
@waits
@pass_session
def create(
    session: Session,
    name: str,
    limits: tuple[str, ...],
    percent: float | None,
    security_groups: tuple[str, ...],
    strategy: str | None,
    router_cidr: str | None,
) -> None:
    """Make a project in the tenant."""
    from photon.domain.demand import Strategy
    from photon.wire.v1.placement import ProjectPlacement
    from photon.wire.v1.tenancy import ProjectCreateSpec

    if limits and percent is not None:
        raise click.UsageError("Give --limits or --percent, not both.")
    quota = quota_of(limits) if limits else None
    if percent is not None:
        quota = share_of(session.client.tenants.quota(session.tenant_id), percent)
    placement = ProjectPlacement(Strategy(strategy.upper())) if strategy else None
    groups = [*parts(security_groups)] or None
    spec = ProjectCreateSpec(name, quota, groups, router_cidr, placement)
    task = session.client.projects.create(session.tenant_id, spec)
    finish(session, task, lambda done: f"Project {name} is created: {done.entity.id}")


add_list(COMMAND, PROJECT)
add_show(COMMAND, PROJECT, lambda session, id: session.client.projects.get(id))
add_delete(COMMAND, PROJECT, lambda session, id: session.client.projects.delete(id))


@COMMAND.command("tasks")
@reference(PROJECT)
@click.option("--state", help="Only those in this state, such as ERROR.")
@click.option("--kind", help="Only those about this kind, such as vm.")
@pass_session
def tasks(session: Session, name: str, state: str | None, kind: str | None) -> None:
    """List the tasks of everything in a project."""
    id = resolve(session, PROJECT, name)
    show_tasks(session, session.client.projects.tasks(id, state=state, kind=kind))


@COMMAND.command("set")
@reference(PROJECT)
@pass_session
def set_(session: Session, name: str) -> None:
    """Remember the project, so that --project is not needed."""
    session.client.projects.get(resolve(session, PROJECT, name))
    tenant = session.options.get("tenant") or session.remembered.tenant
    remember(session.file, replace(session.remembered, tenant=tenant, project=name))
    print(f"The project is {name}.")


@COMMAND.command("get")
@pass_session
def get(session: Session) -> None:
    """Show the project that commands use when none is named."""
    from photon.cli.answer import show_one

    show_one(session, session.client.projects.get(session.project_id))


@COMMAND.command(
    "set-security-groups", examples=r"photon project set-security-groups web 'corp\web'"
)
@reference(PROJECT)
@click.argument("groups", nargs=-1)
@waits
@pass_session
def set_security_groups(session: Session, name: str, groups: tuple[str, ...]) -> None:
    r"""Replace the groups (domain\group) whose members may use the project."""
    id = resolve(session, PROJECT, name)
    task = session.client.projects.set_security_groups(id, [*parts(groups)])
    finish(session, task, lambda _: f"The security groups of project {name} are set.")


@COMMAND.command("set-placement", examples="photon project set-placement web --strategy pack")
@reference(PROJECT)
@click.option("--strategy", type=STRATEGY, required=True, help="To the emptiest or fullest host.")
@waits
@pass_session
def set_placement(session: Session, name: str, strategy: str) -> None:
    """Set how new VMs that ask for nothing else are placed."""
    from photon.domain.demand import Strategy
    from photon.wire.v1.placement import ProjectPlacement

    id = resolve(session, PROJECT, name)
    placement = ProjectPlacement(Strategy(strategy.upper()))
    task = session.client.projects.set_placement(id, placement)
    finish(session, task, lambda _: f"Project {name} is placed by {strategy} from now on.")
