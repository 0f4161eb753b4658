"""How tenants, projects and their quota are shown (contract, 2.5)."""

from __future__ import annotations

from photon.domain.tenant import Tenant
from photon.wire.v1 import tenancy
from photon.wire.v1.common import SecurityGroup


def tenant_view(tenant: Tenant, base: str) -> tenancy.Tenant:
    return tenancy.Tenant(
        id=tenant.id,
        self_link=f"{base}/v1/tenants/{tenant.id}",
        kind="tenant",
        name=tenant.name,
        tags=[],
        security_groups=[SecurityGroup(group) for group in tenant.security_groups],
        quota=tenancy.Quota({}),
    )
