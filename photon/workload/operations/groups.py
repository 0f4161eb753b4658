"""Security groups: tenants' and projects' own, and those that projects inherit."""

from __future__ import annotations

from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Reply
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.ledger import Json
from photon.workload.things import Names, Project, Tenant

# A project is given this one too, which its tenant may have: then it is inherited, and not its own.
BOTH: Final = "photon\\both"
_OF_TENANTS: Final = ("photon\\admins", "photon\\owners", BOTH)
_OF_PROJECTS: Final = ("photon\\builders", "photon\\testers", "photon\\guests", BOTH)
_WARNING: Final = "SecurityGroupsAlreadyInherited"


async def set_groups(client: Client) -> None:
    if client.chance(0.4):
        tenant = client.some(client.model.tenants)
        if tenant is not None:
            await _set_tenants(client, tenant)
    else:
        project = client.some(client.model.projects)
        if project is not None:
            await _set_projects(client, project)


def _drawn(client: Client, pool: tuple[str, ...]) -> Names:
    return tuple(name for name in pool if client.chance(0.5))


async def _set_tenants(client: Client, tenant: Tenant) -> None:
    groups = _drawn(client, _OF_TENANTS)
    tenant.groups_asked.update(groups)
    change = tenant.groups.begin(client.history.tick(), lambda _: groups)
    path = f"/v1/tenants/{tenant.id}"
    way = ("POST", f"{path}/set_security_groups")
    reply = await client.change(client.model.tenants, tenant, way, {"items": groups})
    if reply.ok:
        client.caller.task_in(reply)
        tenant.groups.done(change, client.history.tick())
        shown = await client.look(client.model.tenants, tenant, path)
        if shown is not None:
            judge_tenant(tenant, shown.body, shown.span)
    elif reply.refused:
        tenant.groups.refused(change, client.history.tick())


async def _set_projects(client: Client, project: Project) -> None:
    groups = _drawn(client, _OF_PROJECTS)
    change = project.groups.begin(client.history.tick(), lambda _: groups)
    path = f"/v1/projects/{project.id}"
    way = ("POST", f"{path}/set_security_groups")
    reply = await client.change(client.model.projects, project, way, {"items": groups})
    if reply.ok:
        client.caller.task_in(reply)
        _judge_warning(project, groups, reply)
        project.groups.done(change, client.history.tick())
        shown = await client.look(client.model.projects, project, path)
        if shown is not None:
            judge_project(project, shown.body, shown.span)
    elif reply.refused:
        project.groups.refused(change, client.history.tick())


def _judge_warning(project: Project, groups: Names, reply: Reply) -> None:
    """What was left out is told of, and nothing else is."""
    inherited = project.tenant.groups.during(reply.span)
    if inherited is None or reply.doubt:
        return
    warned = any(w["code"] == _WARNING for step in reply.body["steps"] for w in step["warnings"])
    has = [BOTH in groups and BOTH in each for each in inherited]
    if warned not in has:
        text = f"project {project.id} was given {groups}, inherits {sorted(inherited)}; {warned=}"
        raise Broken(Promise.READS_SEE_WRITES, text, project.id, project.tenant.id)


def judge_tenant(tenant: Tenant, shown: Json, span: Span) -> None:
    """Raises Broken."""
    own, inherited = _divided(shown)
    known = tenant.groups.during(span)
    if inherited:
        text = f"tenant {tenant.id} inherits {inherited}, and the system has none"
        raise Broken(Promise.NOTHING_FROM_NOWHERE, text, tenant.id)
    if known is not None and own not in known:
        text = f"tenant {tenant.id} has the groups {own}, not one of {sorted(known)}"
        raise Broken(Promise.READS_SEE_WRITES, text, tenant.id)


def judge_project(project: Project, shown: Json, span: Span) -> None:
    """Raises Broken."""
    own, inherited = _divided(shown)
    above, known = project.tenant.groups.during(span), project.groups.during(span)
    if above is not None and inherited not in above:
        text = f"project {project.id} inherits {inherited}, not one of {sorted(above)}"
        raise Broken(Promise.READS_SEE_WRITES, text, project.id, project.tenant.id)
    if known is not None and not any(_may_show(project, each, own, inherited) for each in known):
        text = f"project {project.id} has the groups {own}, not one of {sorted(known)}"
        raise Broken(Promise.READS_SEE_WRITES, text, project.id)
    strategies = project.strategy.during(span)
    strategy = shown["placement"]["strategy"]
    if strategies is not None and strategy not in strategies:
        text = f"project {project.id} places by {strategy}, not {sorted(strategies)}"
        raise Broken(Promise.READS_SEE_WRITES, text, project.id)
    if shown["tenantId"] != project.tenant.id or shown["name"] != project.name:
        raise Broken(Promise.READS_SEE_WRITES, f"project {project.id} is {shown}", project.id)


def _may_show(project: Project, given: Names, own: Names, inherited: Names) -> bool:
    """Of what it was given, what it inherits now or did then is not its own."""
    left_out = BOTH not in own and (BOTH in inherited or BOTH in project.tenant.groups_asked)
    return own == tuple(each for each in given if each != BOTH or not left_out)


def _divided(shown: Json) -> tuple[Names, Names]:
    groups: list[Json] = shown["securityGroups"]
    return (
        tuple(str(each["name"]) for each in groups if not each["inherited"]),
        tuple(str(each["name"]) for each in groups if each["inherited"]),
    )
