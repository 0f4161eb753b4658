"""Routes of tenants."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import tenants
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, Tag
from photon.wire.v1 import tenancy
from photon.wire.v1.common import ResourceList
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
)
