"""Tenants: who the cloud is divided among."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from photon.api.counted import counted
from photon.api.found import the_tenant
from photon.api.limits_asked import limits_asked
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery, NoQuery, StateQuery
from photon.api.security_groups import own_groups
from photon.api.submit import Ask, completed
from photon.api.task_lists import tasks_of
from photon.api.views.tenancy import tenant_view
from photon.api.watching import Listed, listed
from photon.domain.error_catalogue import ContainerNotEmpty, NameTaken
from photon.domain.kinds import EntityKind
from photon.domain.tenant import Tenant
from photon.store.endings import tombstone
from photon.store.errors import AlreadyExists, InUse
from photon.store.nouns import PROJECTS, TENANTS
from photon.store.protocol import Delete, DropQuota, Insert, RequireNone, SetLimits, Update, Write
from photon.wire.v1 import tenancy
from photon.wire.v1.basics import StringList
from photon.wire.v1.task import Task


async def create_tenant(plane: Plane, call: Call[NoQuery, tenancy.TenantCreateSpec]) -> Task:
    """Makes a tenant at once; its name is the only one in the cloud."""
    spec = call.body
    groups = own_groups(spec.security_groups, plane.system().security_groups)
    limits = limits_asked(spec.quota)
    tenant = Tenant(plane.ids.new(), spec.name, groups.own)
    ask = Ask("CREATE_TENANT", EntityKind.TENANT, tenant.id, warnings=groups.warnings)
    writes: list[Write] = [Insert(TENANTS, tenant)]
    if limits:
        writes.append(SetLimits(tenant.id, limits))
    try:
        return await completed(plane, call, ask, writes)
    except AlreadyExists as exists:
        if exists.noun != TENANTS.name:
            raise
        raise NameTaken(label="Tenant", name=tenant.name) from None


async def list_tenants(plane: Plane, call: Call[NamedQuery, None]) -> Listed[tenancy.Tenant]:
    async def views(tenants: Sequence[Tenant], base: str) -> list[tenancy.Tenant]:
        inherited = plane.system().security_groups
        return [
            tenant_view(tenant, base, await plane.store.quota(tenant.id), inherited)
            for tenant in tenants
        ]

    return await listed(
        plane, call, Listing(TENANTS, views=views, filters={"name": call.query.name})
    )


async def show_tenant(plane: Plane, call: Call[NoQuery, None]) -> tenancy.Tenant:
    tenant = await the_tenant(plane, call.id)
    rows = await plane.store.quota(tenant.id)
    return tenant_view(tenant, call.base, rows, plane.system().security_groups)


async def delete_tenant(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Forgets a tenant and its quota. Refused while it has projects."""
    tenant = await the_tenant(plane, call.id)
    ask = Ask("DELETE_TENANT", EntityKind.TENANT, tenant.id)
    writes: list[Write] = [
        RequireNone(PROJECTS, {"tenant_id": tenant.id}),
        Delete(TENANTS, tenant.id),
        DropQuota(tenant.id),
        tombstone(EntityKind.TENANT, tenant.id, plane.clock.now_ms()),
    ]
    try:
        return await completed(plane, call, ask, writes)
    except InUse as used:
        raise ContainerNotEmpty(
            EntityKind.TENANT, tenant.id, counted(used.count, "project")
        ) from None


async def list_tenant_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await the_tenant(plane, call.id)
    return await tasks_of(plane, call, EntityKind.TENANT)


async def set_tenant_security_groups(plane: Plane, call: Call[NoQuery, StringList]) -> Task:
    """Replaces the tenant's own groups. Its projects inherit them from now on."""
    tenant = await the_tenant(plane, call.id)
    groups = own_groups(call.body.items, plane.system().security_groups)
    ask = Ask(
        "SET_TENANT_SECURITY_GROUPS",
        EntityKind.TENANT,
        tenant.id,
        steps=("SET_TENANT_SECURITY_GROUPS", "PUSH_TENANT_SECURITY_GROUPS"),
        warnings=groups.warnings,
    )
    changed = msgspec.structs.replace(tenant, security_groups=groups.own)
    return await completed(plane, call, ask, [Update(TENANTS, changed)])
