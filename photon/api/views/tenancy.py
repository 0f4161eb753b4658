"""How tenants, projects and their quota are shown (contract, 2.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from photon.api.security_groups import groups_view
from photon.domain.kinds import EntityKind
from photon.domain.project import Project
from photon.domain.quota import QuotaUnit, in_unit
from photon.domain.tenant import Tenant
from photon.store.protocol import QuotaRow
from photon.wire.v1 import tenancy
from photon.wire.v1.placement import ProjectPlacement


def tenant_view(
    tenant: Tenant, base: str, rows: Iterable[QuotaRow], inherited: Sequence[str]
) -> tenancy.Tenant:
    return tenancy.Tenant(
        id=tenant.id,
        self_link=f"{base}/v1/tenants/{tenant.id}",
        kind=EntityKind.TENANT,
        name=tenant.name,
        tags=[],
        security_groups=groups_view(tenant.security_groups, inherited),
        quota=quota_view(rows),
    )


def project_view(
    project: Project, base: str, rows: Iterable[QuotaRow], inherited: Sequence[str]
) -> tenancy.Project:
    return tenancy.Project(
        id=project.id,
        self_link=f"{base}/v1/projects/{project.id}",
        kind=EntityKind.PROJECT,
        name=project.name,
        tags=[],
        security_groups=groups_view(project.security_groups, inherited),
        quota=quota_view(rows),
        tenant_id=project.tenant_id,
        placement=ProjectPlacement(project.strategy),
    )


def quota_view(rows: Iterable[QuotaRow]) -> tenancy.Quota:
    """The keys that have a limit, each in the unit in which the limit was set."""
    items: dict[str, tenancy.QuotaStatusLineItem] = {}
    for row in rows:
        if row.limit is not None:
            unit = QuotaUnit(row.unit)
            items[row.key] = tenancy.QuotaStatusLineItem(
                in_unit(row.limit, unit), unit, in_unit(row.usage, unit)
            )
    return tenancy.Quota(items)
