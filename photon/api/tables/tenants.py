"""Routes of tenants."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import tenants
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, StateQuery, Tag
from photon.wire.v1 import tenancy
from photon.wire.v1.basics import ResourceList, StringList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/tenants",
        tenants.create_tenant,
        Task,
        Tag.TENANTS,
        "Create a tenant",
        role=Role.SYSTEM,
        status=201,
        body=tenancy.TenantCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/tenants",
        tenants.list_tenants,
        ResourceList[tenancy.Tenant],
        Tag.TENANTS,
        "List tenants",
        query=NamedQuery,
    ),
    Route(
        "GET",
        "/v1/tenants/{id}",
        tenants.show_tenant,
        tenancy.Tenant,
        Tag.TENANTS,
        "Show a tenant",
    ),
    Route(
        "DELETE",
        "/v1/tenants/{id}",
        tenants.delete_tenant,
        Task,
        Tag.TENANTS,
        "Delete a tenant that has no projects",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/tenants/{id}/tasks",
        tenants.list_tenant_tasks,
        ResourceList[Task],
        Tag.TENANTS,
        "List a tenant's tasks",
        query=StateQuery,
    ),
    Route(
        "POST",
        "/v1/tenants/{id}/set_security_groups",
        tenants.set_tenant_security_groups,
        Task,
        Tag.TENANTS,
        "Replace a tenant's security groups",
        role=Role.SYSTEM,
        body=StringList,
        gate=Gate.CHANGE,
    ),
)
