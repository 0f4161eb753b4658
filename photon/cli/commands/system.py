"""photon system: the system as a whole."""

from __future__ import annotations

from typing import Any

import click

from photon.cli.amounts import parts
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.table import Column
from photon.cli.things import VM
from photon.cli.verb import Noun

COMMAND = Noun("system", help="The system as a whole: status, usage, pausing.")


def _answer(session: Session, entity: Any) -> None:
    from photon.cli.answer import print_entity, print_json

    (print_json if session.output == "json" else print_entity)(entity)


@COMMAND.command("status")
@pass_session
def status(session: Session) -> None:
    """Show whether every part of the system is well. Exit code 1 when it is not."""
    from photon.cli.answer import print_json
    from photon.cli.table import print_table

    status = session.client.system.status()
    if session.output == "json":
        print_json(status)
    else:
        print(f"The system is {status.status}.")
        rows = [
            (component.component, instance.address, instance.status, instance.message)
            for component in status.components
            for instance in component.instances
        ]
        titles = ("COMPONENT", "ADDRESS", "STATUS", "MESSAGE")
        columns = [(title, lambda row, at=at: row[at]) for at, title in enumerate(titles)]
        print_table(columns, rows)
    if status.status != "READY":
        click.get_current_context().exit(1)


@COMMAND.command("info")
@pass_session
def info(session: Session) -> None:
    """Show version, state and settings."""
    _answer(session, session.client.system.info())


@COMMAND.command("usage")
@pass_session
def usage(session: Session) -> None:
    """Show how many hosts, VMs, tenants, projects and datastores there are."""
    _answer(session, session.client.system.usage())


@COMMAND.command("properties")
@pass_session
def properties(session: Session) -> None:
    """Show the quorum."""
    _answer(session, session.client.system.properties())


@COMMAND.command(
    "topology",
    examples="""
    photon system topology
    photon system topology --depth 1
    photon system topology -o json
    """,
)
@click.option(
    "--depth",
    type=click.IntRange(0, 8),
    default=8,
    show_default=True,
    help="How many levels below the root are drawn.",
)
@pass_session
def topology(session: Session, depth: int) -> None:
    """Draw the scheduler tree: which controller answers for which leaf, and how full each is."""
    from photon.cli.answer import show_list
    from photon.cli.topology import COLUMNS, print_topology

    nodes = session.client.system.topology()
    if session.output == "human":
        print_topology(list(nodes), depth)
    else:
        show_list(session, COLUMNS, nodes)


@COMMAND.command("list-vms")
@pass_session
def list_vms(session: Session) -> None:
    """List the VMs of the management project."""
    from photon.cli.answer import show_list

    show_list(session, VM.columns, session.client.system.vms())


@COMMAND.command("orphans")
@pass_session
def orphans(session: Session) -> None:
    """List the guests and disks on hosts that belong to nobody, and when they are removed."""
    from photon.cli.answer import moment, show_list

    columns: list[Column] = [
        ("ID", lambda one: one.id),
        ("KIND", lambda one: one.kind),
        ("HOST", lambda one: one.host_address),
        ("WHY", lambda one: one.reason),
        ("SEEN", lambda one: moment(one.seen_time)),
        ("REMOVED AFTER", lambda one: moment(one.removal_time)),
    ]
    show_list(session, columns, session.client.system.orphans())


@COMMAND.command("pause")
@waits
@pass_session
def pause(session: Session) -> None:
    """Refuse every change, until `photon system resume`. Reading goes on, and so do VMs."""
    finish(session, session.client.system.pause(), lambda _: "The system is paused.")


@COMMAND.command("pause-background-tasks")
@waits
@pass_session
def pause_background_tasks(session: Session) -> None:
    """Let what runs by itself rest, such as copying images, until `photon system resume`."""
    task = session.client.system.pause_background_tasks()
    finish(session, task, lambda _: "Background tasks are paused.")


@COMMAND.command("resume")
@waits
@pass_session
def resume(session: Session) -> None:
    """End a pause."""
    finish(session, session.client.system.resume(), lambda _: "The system is resumed.")


@COMMAND.command("set-security-groups", examples=r"photon system set-security-groups 'corp\ops'")
@click.argument("groups", nargs=-1)
@waits
@pass_session
def set_security_groups(session: Session, groups: tuple[str, ...]) -> None:
    r"""Replace the groups (domain\group) whose members administer the system."""
    task = session.client.system.set_security_groups([*parts(groups)])
    finish(session, task, lambda _: "The security groups of the system are set.")
