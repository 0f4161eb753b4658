"""Tenants: who the cloud is divided among."""

from __future__ import annotations

from photon.api.paging import Listing, list_page
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery
from photon.api.submit import Ask, completed
from photon.api.views.tenancy import tenant_view
from photon.domain.error_catalogue import NameTaken
from photon.domain.kinds import EntityKind
from photon.domain.tenant import Tenant
from photon.store.errors import AlreadyExists
from photon.store.nouns import TENANTS
from photon.store.protocol import Insert
from photon.wire.v1 import tenancy
from photon.wire.v1.common import ResourceList
from photon.wire.v1.task import Task

TenantCall = Call[None, tenancy.TenantCreateSpec]


async def create_tenant(plane: Plane, call: TenantCall) -> Task:
    """Makes a tenant at once; its name is the only one in the cloud."""
    tenant = Tenant(plane.ids.new(), call.body.name, tuple(call.body.security_groups or ()))
    try:
        return await completed(
            plane,
            call,
            Ask("CREATE_TENANT", EntityKind.TENANT, tenant.id),
            [Insert(TENANTS, tenant)],
        )
    except AlreadyExists as exists:
        if exists.noun != TENANTS.name:
            raise
        raise NameTaken(label="Tenant", name=tenant.name) from None


async def list_tenants(plane: Plane, call: Call[NamedQuery, None]) -> ResourceList[tenancy.Tenant]:
    return await list_page(
        plane, call, Listing(TENANTS, tenant_view, filters={"name": call.query.name})
    )
