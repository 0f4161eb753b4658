"""Routes of the quota of tenants and projects."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import quotas
from photon.api.principal import Role
from photon.api.route import Gate, Route, Tag
from photon.wire.v1 import tenancy
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/v1/tenants/{id}/quota",
        quotas.show_tenant_quota,
        tenancy.Quota,
        Tag.QUOTA,
        "Show a tenant's quota",
        role=Role.TENANT,
    ),
    Route(
        "PUT",
        "/v1/tenants/{id}/quota",
        quotas.reset_tenant_quota,
        Task,
        Tag.QUOTA,
        "Replace all of a tenant's limits",
        role=Role.SYSTEM,
        status=201,
        body=tenancy.Quota,
        gate=Gate.CHANGE,
    ),
    Route(
        "PATCH",
        "/v1/tenants/{id}/quota",
        quotas.update_tenant_quota,
        Task,
        Tag.QUOTA,
        "Add or overwrite some of a tenant's limits",
        role=Role.SYSTEM,
        status=201,
        body=tenancy.Quota,
        gate=Gate.CHANGE,
    ),
    Route(
        "DELETE",
        "/v1/tenants/{id}/quota",
        quotas.remove_tenant_quota,
        Task,
        Tag.QUOTA,
        "Remove some of a tenant's limits",
        role=Role.SYSTEM,
        status=201,
        body=tenancy.QuotaRemoval,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/projects/{id}/quota",
        quotas.show_project_quota,
        tenancy.Quota,
        Tag.QUOTA,
        "Show a project's quota",
        role=Role.PROJECT,
    ),
    Route(
        "PUT",
        "/v1/projects/{id}/quota",
        quotas.reset_project_quota,
        Task,
        Tag.QUOTA,
        "Replace all of a project's limits",
        role=Role.TENANT,
        status=201,
        body=tenancy.Quota,
        gate=Gate.CHANGE,
    ),
    Route(
        "PATCH",
        "/v1/projects/{id}/quota",
        quotas.update_project_quota,
        Task,
        Tag.QUOTA,
        "Add or overwrite some of a project's limits",
        role=Role.TENANT,
        status=201,
        body=tenancy.Quota,
        gate=Gate.CHANGE,
    ),
    Route(
        "DELETE",
        "/v1/projects/{id}/quota",
        quotas.remove_project_quota,
        Task,
        Tag.QUOTA,
        "Remove some of a project's limits",
        role=Role.TENANT,
        status=201,
        body=tenancy.QuotaRemoval,
        gate=Gate.CHANGE,
    ),
)
