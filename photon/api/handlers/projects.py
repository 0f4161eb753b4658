"""Projects: where a tenant's VMs and disks live. Their limits are usage of the tenant's quota."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from photon.api.counted import counted
from photon.api.found import the_project, the_tenant
from photon.api.limits_asked import change_of, check_within, given_back, limited, limits_asked
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery, NoQuery
from photon.api.security_groups import own_groups
from photon.api.submit import Ask, completed
from photon.api.task_lists import ProjectTasksQuery, tasks_page, upper
from photon.api.views.tenancy import project_view
from photon.api.watching import Listed, listed
from photon.domain.demand import Strategy
from photon.domain.error_catalogue import ContainerNotEmpty, NameTaken
from photon.domain.kinds import EntityKind
from photon.domain.project import Project
from photon.domain.tenant import Tenant
from photon.store.endings import tombstone
from photon.store.errors import AlreadyExists, InUse
from photon.store.nouns import DISKS, IMAGES, PROJECTS, TENANTS, VMS
from photon.store.protocol import (
    Charge,
    Delete,
    DropQuota,
    Insert,
    Noun,
    Require,
    RequireNone,
    SetLimits,
    Update,
    Write,
)
from photon.wire.v1 import tenancy
from photon.wire.v1.basics import StringList
from photon.wire.v1.placement import ProjectPlacement
from photon.wire.v1.task import Task

# What keeps a project from being deleted, as an error calls it.
CONTENTS: Final[tuple[tuple[Noun[Any], str], ...]] = (
    (VMS, "VM"),
    (DISKS, "persistent disk"),
    (IMAGES, "image"),
)


async def create_project(plane: Plane, call: Call[NoQuery, tenancy.ProjectCreateSpec]) -> Task:
    """Makes a project at once; its name is the only one in its tenant."""
    spec = call.body
    tenant = await the_tenant(plane, call.id)
    groups = own_groups(spec.security_groups, _inherited(plane, tenant))
    limits = limits_asked(spec.quota)
    check_within(limits, limited(await plane.store.quota(tenant.id)))
    strategy = spec.placement.strategy if spec.placement else Strategy.SPREAD
    project = Project(plane.ids.new(), tenant.id, spec.name, groups.own, strategy)
    ask = Ask(
        "CREATE_PROJECT", EntityKind.PROJECT, project.id, project.id, warnings=groups.warnings
    )
    writes: list[Write] = [Require(TENANTS, tenant.id), Insert(PROJECTS, project)]
    if limits:
        # The tenant must still have the keys that were just looked up.
        writes[0] = Require(TENANTS, tenant.id, {"generation": tenant.generation})
        writes.append(SetLimits(project.id, limits))
        writes.append(Charge(tenant.id, change_of({}, limits, replace=False)))
    try:
        return await completed(plane, call, ask, writes)
    except AlreadyExists as exists:
        if exists.noun != PROJECTS.name:
            raise
        raise NameTaken(label="Project", name=project.name) from None


async def list_projects(plane: Plane, call: Call[NamedQuery, None]) -> Listed[tenancy.Project]:
    await the_tenant(plane, call.id)

    async def views(projects: Sequence[Project], base: str) -> list[tenancy.Project]:
        inherited = _inherited(plane, await plane.store.find(TENANTS, call.id))
        return [
            project_view(project, base, await plane.store.quota(project.id), inherited)
            for project in projects
        ]

    within, filters = {"tenant_id": call.id}, {"name": call.query.name}
    return await listed(plane, call, Listing(PROJECTS, views=views, within=within, filters=filters))


async def show_project(plane: Plane, call: Call[NoQuery, None]) -> tenancy.Project:
    project = await the_project(plane, call.id)
    tenant = await plane.store.find(TENANTS, project.tenant_id)
    rows = await plane.store.quota(project.id)
    return project_view(project, call.base, rows, _inherited(plane, tenant))


async def delete_project(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Forgets an empty project; its limits go back to the tenant."""
    project = await the_project(plane, call.id)
    limits = limited(await plane.store.quota(project.id))
    ask = Ask("DELETE_PROJECT", EntityKind.PROJECT, project.id, project.id)
    writes: list[Write] = [
        *(RequireNone(noun, {"project_id": project.id}) for noun, _ in CONTENTS),
        # At the generation that was read: then these are still its limits.
        Delete(PROJECTS, project.id, project.generation),
        DropQuota(project.id),
        Charge(project.tenant_id, given_back(limits.values())),
        tombstone(EntityKind.PROJECT, project.id, plane.clock.now_ms(), project.tenant_id),
    ]
    try:
        return await completed(plane, call, ask, writes)
    except InUse:
        contents = await _contents(plane, project.id)
        raise ContainerNotEmpty(EntityKind.PROJECT, project.id, contents) from None


async def list_project_tasks(plane: Plane, call: Call[ProjectTasksQuery, None]) -> Listed[Task]:
    """The tasks of the project and of everything in it."""
    await the_project(plane, call.id)
    filters = {
        "state": upper(call.query.state),
        "entity_kind": None if call.query.kind is None else call.query.kind.lower(),
    }
    return await tasks_page(plane, call, {"project_id": call.id}, filters)


async def set_project_security_groups(plane: Plane, call: Call[NoQuery, StringList]) -> Task:
    """Replaces the project's own groups; those that it inherits stay."""
    project = await the_project(plane, call.id)
    tenant = await plane.store.find(TENANTS, project.tenant_id)
    groups = own_groups(call.body.items, _inherited(plane, tenant))
    ask = Ask(
        "SET_PROJECT_SECURITY_GROUPS",
        EntityKind.PROJECT,
        project.id,
        project.id,
        warnings=groups.warnings,
    )
    changed = msgspec.structs.replace(project, security_groups=groups.own)
    return await completed(plane, call, ask, [Update(PROJECTS, changed)])


async def set_project_placement(plane: Plane, call: Call[NoQuery, ProjectPlacement]) -> Task:
    """The strategy of VMs that are asked for from now on and name none. Those that are there stay
    where they are. Beyond the contract."""
    project = await the_project(plane, call.id)
    ask = Ask("SET_PROJECT_PLACEMENT", EntityKind.PROJECT, project.id, project.id)
    changed = msgspec.structs.replace(project, strategy=call.body.strategy)
    return await completed(plane, call, ask, [Update(PROJECTS, changed)])


def _inherited(plane: Plane, tenant: Tenant | None) -> tuple[str, ...]:
    own = () if tenant is None else tenant.security_groups
    return tuple(dict.fromkeys((*plane.system().security_groups, *own)))


async def _contents(plane: Plane, project_id: str) -> str:
    counts = [
        (await plane.store.count(noun, {"project_id": project_id}), name) for noun, name in CONTENTS
    ]
    return ", ".join(counted(count, name) for count, name in counts if count) or "something"
