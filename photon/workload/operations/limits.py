"""Limits of tenants and projects: set, replaced, lifted, and shown with what is used of them."""

from __future__ import annotations

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Reply
from photon.workload.client import Client
from photon.workload.facts import Cell, Change, Span
from photon.workload.ledger import Json
from photon.workload.model import UNLIMITED, fits
from photon.workload.operations.tenancy import LIMITED, TENANT_FACTOR, base_of
from photon.workload.things import Project, Tenant

Changes = list[tuple[Cell[float], Change[float]]]


async def change_limits(client: Client) -> None:
    """Raises, lowers, replaces or lifts a project's limits, to somewhere about what it uses."""
    project = client.some(client.model.projects)
    if project is None:
        return
    method = client.random.choice(("PATCH", "PATCH", "PATCH", "DELETE", "DELETE", "PUT"))
    items, asked = _drawn(client, method, 1)
    changes = _begun(client, project, asked)
    way = (method, f"/v1/projects/{project.id}/quota")
    reply = await client.change(client.model.projects, project, way, {"quotaItems": items})
    given = {key: limit for key, limit in asked.items() if limit != UNLIMITED}
    client.model.judge_given(project, given, reply)
    _over(client, changes, reply)


async def change_tenants_limits(client: Client) -> None:
    """Mostly there is room for all; now and then only for what its projects have, or less."""
    tenant = client.some(client.model.tenants)
    if tenant is None:
        return
    method = client.random.choice(("PATCH", "PATCH", "PUT", "PUT", "DELETE"))
    factor = client.random.choice((1, 3, TENANT_FACTOR, TENANT_FACTOR, TENANT_FACTOR))
    items, asked = _drawn(client, method, factor)
    changes = _begun(client, tenant, asked)
    way = (method, f"/v1/tenants/{tenant.id}/quota")
    reply = await client.change(client.model.tenants, tenant, way, {"quotaItems": items})
    _judge_held(client, tenant, asked, reply)
    _over(client, changes, reply)
    await _look_at_tenant(client, tenant)


def _drawn(client: Client, method: str, factor: int) -> tuple[Json, dict[str, float]]:
    """What is said, and by key what shall be: all keys change where all are replaced."""
    if method == "PUT":
        said = [each for each in LIMITED if client.chance(0.8)]
        asked = dict.fromkeys([key for key, _, _, _ in LIMITED], UNLIMITED)
    else:
        if method == "DELETE" and client.chance(0.2):
            return {"no.such.key": None}, {}  # What is not there can go.
        said, asked = [client.random.choice(LIMITED)], {}
    items: Json = {}
    for key, unit, least, most in said:
        limit = client.random.randint(least, most) * factor
        items[key] = {"limit": limit, "unit": unit}
        asked[key] = UNLIMITED if method == "DELETE" else base_of(limit, unit)
    return items, asked


def _begun(client: Client, owner: Project | Tenant, asked: dict[str, float]) -> Changes:
    at = client.history.tick()
    cells = [(owner.limits[key], limit) for key, limit in asked.items()]
    return [(cell, cell.begin(at, lambda _, limit=limit: limit)) for cell, limit in cells]  # type: ignore[misc] # the default only binds it


def _over(client: Client, changes: Changes, reply: Reply) -> None:
    now = client.history.tick()
    if reply.ok:
        client.caller.task_in(reply)
    for cell, change in changes:
        if reply.ok:
            cell.done(change, now)
        elif reply.refused:
            cell.refused(change, now)


def _judge_held(client: Client, tenant: Tenant, asked: dict[str, float], reply: Reply) -> None:
    """A limit is not below what projects hold of it, and not lifted while they do."""
    may, may_not = True, False
    for key, limit in asked.items():
        least, most = client.model.given(tenant, key, reply.span)
        wanted = 0.0 if limit == UNLIMITED else limit
        may &= fits(least, wanted)
        may_not |= not fits(most, wanted)
    if reply.ok and not may:
        text = f"the limits of tenant {tenant.id} became {asked}, of which its projects hold more"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, tenant.id)
    if reply.code == "QuotaError" and not may_not:
        text = f"the limits {asked} were refused: {reply.body['message']}"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text, tenant.id)


async def show_quota(client: Client) -> None:
    """A project's, or now and then a tenant's."""
    tenant = client.some(client.model.tenants) if client.chance(0.3) else None
    if tenant is not None:
        await _look_at_tenant(client, tenant)
        return
    project = client.some(client.model.projects)
    if project is None:
        return
    path = f"/v1/projects/{project.id}/quota"
    reply = await client.look(client.model.projects, project, path)
    if reply is not None:
        judge_quota(client, project, reply.body["quotaItems"] or {}, reply.span)


def judge_quota(client: Client, project: Project, items: Json, span: Span) -> None:
    """Limits are what was set, and usage is the sum of what exists. Raises Broken."""
    usage = client.model.usage(project, span)
    for key, _, _, _ in LIMITED:
        shown = items.get(key)  # What has no limit is not shown.
        limit = UNLIMITED if shown is None else base_of(shown["limit"], shown["unit"])
        limits = project.limits[key].during(span)
        if limits is not None and limit not in limits:
            text = f"project {project.id} has the limit {limit:g} of {key}, not {sorted(limits)}"
            raise Broken(Promise.READS_SEE_WRITES, text, project.id)
        if shown is None:
            continue
        used = base_of(shown["usage"] or 0.0, shown["unit"])
        least, most = usage.least.get(key, 0.0), usage.most.get(key, 0.0)
        if not least - 0.5 <= used <= most + 0.5:
            text = f"project {project.id} uses {used:g} {key}; it must be {least:g} to {most:g}"
            raise Broken(Promise.QUOTA_ADDS_UP, text, project.id)


async def _look_at_tenant(client: Client, tenant: Tenant) -> None:
    path = f"/v1/tenants/{tenant.id}/quota"
    reply = await client.look(client.model.tenants, tenant, path)
    if reply is not None:
        judge_tenants_quota(client, tenant, reply.body["quotaItems"] or {}, reply.span)


def judge_tenants_quota(client: Client, tenant: Tenant, items: Json, span: Span) -> None:
    """Limits are what was set, and usage is what its projects were given. Raises Broken."""
    for key, _, _, _ in LIMITED:
        shown = items.get(key)
        limit = UNLIMITED if shown is None else base_of(shown["limit"], shown["unit"])
        limits = tenant.limits[key].during(span)
        if limits is not None and limit not in limits:
            text = f"tenant {tenant.id} has the limit {limit:g} of {key}, not {sorted(limits)}"
            raise Broken(Promise.READS_SEE_WRITES, text, tenant.id)
        if shown is None:
            continue
        used = base_of(shown["usage"] or 0.0, shown["unit"])
        least, most = client.model.given(tenant, key, span)
        if not least - 0.5 <= used <= most + 0.5:
            text = f"tenant {tenant.id} uses {used:g} {key}; it must be {least:g} to {most:g}"
            raise Broken(Promise.QUOTA_ADDS_UP, text, tenant.id)
