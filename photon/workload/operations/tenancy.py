"""Tenants and projects, and what they may use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import Cell, Life, Span
from photon.workload.ledger import Json
from photon.workload.model import UNLIMITED, unexpected
from photon.workload.operations.vms import GIB
from photon.workload.things import Project, Tenant, Thing

# What projects are limited in, with a unit and the least and most of a limit: so small that a
# busy project is at its edge for most of the time.
LIMITED: Final = (
    ("vm.count", "COUNT", 3, 14),
    ("vm.cpu", "COUNT", 4, 30),
    ("persistent-disk", "COUNT", 2, 8),
    ("persistent-disk.capacity", "GB", 4, 24),
)
TENANT_FACTOR: Final = 1000  # No tenant runs out: projects do.


async def create_tenant(client: Client) -> None:
    number = client.random.randrange(6)
    limits = {key: Cell(base_of(most * TENANT_FACTOR, unit)) for key, unit, _, most in LIMITED}
    tenant = Tenant(name=f"tenant-{number}", life=Life(0), limits=limits)
    quota = {key: {"limit": most * TENANT_FACTOR, "unit": unit} for key, unit, _, most in LIMITED}
    spec = {"name": tenant.name, "quota": {"quotaItems": quota}}
    reply, _ = await client.make(client.model.tenants, tenant, "/v1/tenants", spec)
    judge_name(client.model.tenants, tenant, reply.code, reply.span)


async def create_project(client: Client) -> None:
    tenant = client.ready(client.model.tenants)
    if tenant is None:
        return
    project = Project(name=f"project-{client.random.randrange(8)}", life=Life(0), tenant=tenant)
    quota: dict[str, Json] = {}
    for key, unit, least, most in LIMITED:
        if client.chance(0.8):
            limit = client.random.randint(least, most)
            quota[key] = {"limit": limit, "unit": unit}
            project.limits[key] = Cell(base_of(limit, unit))
        else:
            project.limits[key] = Cell(UNLIMITED)
    spec = {"name": project.name, "quota": {"quotaItems": quota}}
    path = f"/v1/tenants/{tenant.id}/projects"
    reply, _ = await client.make(client.model.projects, project, path, spec, tenant.id)
    others = [each for each in client.model.projects if each.tenant is tenant]
    judge_name(others, project, reply.code, reply.span)
    asked = {key: base_of(each["limit"], each["unit"]) for key, each in quota.items()}
    client.model.judge_given(project, asked, reply)
    if reply.code == "NotFound" and tenant.life.surely(reply.span):
        raise unexpected(reply, f"a project of tenant {tenant.id}", tenant.id)


def base_of(limit: float, unit: str) -> float:
    return limit * GIB if unit == "GB" else float(limit)


def judge_name(others: Iterable[Thing], thing: Thing, code: str, span: Span) -> None:
    """A name is taken while its owner is there, and free after that. Raises Broken."""
    same = [each for each in others if each.name == thing.name and each is not thing]
    if code == "NameTaken" and not any(each.life.maybe(span) for each in same):
        text = f"the name {thing.name} is said to be taken, and nothing has it"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text, *[each.id for each in same])
    owners = [each.id for each in same if each.life.surely(span)]
    if thing.id and owners:
        text = f"{thing.id} was given the name {thing.name}, which {owners} had"
        raise Broken(Promise.NAMES_ARE_UNIQUE, text, thing.id, *owners)


async def delete_project(client: Client) -> None:
    projects = [each for each in client.model.projects if each.life.is_usable]
    if len(projects) < 3:
        return  # Something must be left to work in.
    project = client.some(projects)
    if project is None:
        return
    with client.using(project) as use:
        reply, ended = await client.delete(
            client.model.projects, project, use, f"/v1/projects/{project.id}"
        )
        _judge_emptiness(client, project, reply.code, reply.span)
        if ended is not None:
            images = [each for each in client.model.images if each.project is project]
            within = (*client.model.charged(project), *images)
            inside = [x for x in within if x.life.surely(reply.span)]
            if inside:
                text = f"project {project.id} was deleted with {[x.id for x in inside]} in it"
                raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, project.id)
            project.life.deleted(client.history.tick())
            await client.look(client.model.projects, project, f"/v1/projects/{project.id}")


def _judge_emptiness(client: Client, project: Project, code: str, span: Span) -> None:
    if code != "ContainerNotEmpty":
        return
    inside = any(thing.life.maybe(span) for thing in client.model.charged(project))
    images = any(i.life.maybe(span) for i in client.model.images if i.project is project)
    if not (inside or images or project.strays):
        text = f"project {project.id} is said not to be empty, and nothing is in it"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text, project.id)


async def delete_tenant(client: Client) -> None:
    """Mostly refused: tenants have projects."""
    tenants = [each for each in client.model.tenants if each.life.is_usable]
    tenant = client.some(tenants) if len(tenants) > 2 else None
    if tenant is None:
        return
    with client.using(tenant) as use:
        path = f"/v1/tenants/{tenant.id}"
        reply, ended = await client.delete(client.model.tenants, tenant, use, path)
        projects = [each for each in client.model.projects if each.tenant is tenant]
        if reply.code == "ContainerNotEmpty" and not any(
            project.life.maybe(reply.span) for project in projects
        ):
            raise unexpected(reply, f"the end of tenant {tenant.id}, which is empty", tenant.id)
        if ended is not None:
            tenant.life.deleted(client.history.tick())
            await client.look(client.model.tenants, tenant, path)
