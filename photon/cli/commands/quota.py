"""photon quota: how much a tenant or a project may use, and uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from photon.cli.amounts import AMOUNTS_HELP, parts, quota_of
from photon.cli.progress import finish, waits
from photon.cli.session import Session, pass_session
from photon.cli.shares import PERCENT, share_of
from photon.cli.verb import Noun

if TYPE_CHECKING:
    from photon.wire.v1.tenancy import Quota

COMMAND = Noun(
    "quota",
    help="""How much a tenant or a project may use, and uses.

    With --project it is the project's quota, with only --tenant the tenant's. With neither, it is
    that of the project that is set, else of the tenant. A key without a limit is unlimited.
    """,
)


class Owner:
    """Whose quota is meant."""

    def __init__(self, session: Session) -> None:
        client = session.client
        only_tenant = "tenant" in session.options and "project" not in session.options
        if only_tenant or session.said("project") is None:
            self.noun, self.id = "tenant", session.tenant_id
            self.calls = client.tenants
        else:
            self.noun, self.id = "project", session.project_id
            self.calls = client.projects  # type: ignore[assignment]  # it has the same four calls
        self._session = session

    def share(self, percent: float) -> Quota:
        if self.noun == "tenant":
            raise click.UsageError("--percent is a part of the tenant's quota: give a --project.")
        client = self._session.client
        return share_of(client.tenants.quota(client.projects.get(self.id).tenant_id), percent)


@COMMAND.command(
    "show", examples="photon quota show --tenant eng\nphoton quota show --project web -o json"
)
@pass_session
def show(session: Session) -> None:
    """Show limits and usage."""
    from photon.cli.answer import number, print_json
    from photon.cli.table import print_table

    owner = Owner(session)
    quota = owner.calls.quota(owner.id)
    if session.output == "json":
        print_json(quota)
        return
    columns = (
        ("KEY", lambda row: row[0]),
        ("LIMIT", lambda row: number(row[1].limit)),
        ("USED", lambda row: number(row[1].usage or 0)),
        ("UNIT", lambda row: row[1].unit),
    )
    print_table(columns, sorted((quota.quota_items or {}).items()))


@COMMAND.command(
    "set",
    examples="""
    photon quota set --tenant eng --limits "vm.cpu 100 COUNT, vm.memory 400 GB"
    photon quota set --project web --limits vm.cpu=10 --limits vm.memory=40GB
    photon quota set --project web --percent 25
    """,
)
@click.option("--limits", multiple=True, metavar="LIMITS", help=AMOUNTS_HELP)
@click.option("--percent", type=PERCENT, help="A project: that part of each tenant limit.")
@waits
@pass_session
def set_(session: Session, limits: tuple[str, ...], percent: float | None) -> None:
    """Replace all limits."""
    if bool(limits) == (percent is not None):
        raise click.UsageError("Give --limits or --percent.")
    owner = Owner(session)
    quota = quota_of(limits) if percent is None else owner.share(percent)
    task = owner.calls.set_quota(owner.id, quota)
    finish(session, task, lambda _: f"The quota of the {owner.noun} is set.")


@COMMAND.command("update", examples='photon quota update --project web --limits "vm.cpu 20 COUNT"')
@click.option("--limits", multiple=True, required=True, metavar="LIMITS", help=AMOUNTS_HELP)
@waits
@pass_session
def update(session: Session, limits: tuple[str, ...]) -> None:
    """Add or change some limits; the others stay."""
    owner = Owner(session)
    task = owner.calls.update_quota(owner.id, quota_of(limits))
    finish(session, task, lambda _: f"The quota of the {owner.noun} is updated.")


@COMMAND.command("exclude", examples="photon quota exclude --project web vm.cpu vm.memory")
@click.argument("keys", nargs=-1, required=True)
@waits
@pass_session
def exclude(session: Session, keys: tuple[str, ...]) -> None:
    """Remove the limits of some keys: they are then unlimited."""
    from photon.wire.v1.tenancy import QuotaRemoval, QuotaRemovalItem

    owner = Owner(session)
    removal = QuotaRemoval({key: QuotaRemovalItem() for key in parts(keys)})
    task = owner.calls.exclude_quota(owner.id, removal)
    finish(session, task, lambda _: f"Those limits of the {owner.noun} are removed.")
