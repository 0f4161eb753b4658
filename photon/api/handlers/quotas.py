"""The quota of tenants and of projects: two levels, each change all or nothing (contract, 6.4).

A change of a tenant's limits counts its generation up; a change of a project's limits requires the
tenant to be as it was read. So no project can come to limit a key that its tenant just lost.
"""

from __future__ import annotations

from typing import Any

from photon.api.found import the_project, the_tenant
from photon.api.limits_asked import (
    QuotaStillHeld,
    change_of,
    check_units,
    check_within,
    given_back,
    keys_demanded,
    limited,
    limits_demanded,
)
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery
from photon.api.submit import Ask, completed
from photon.api.views.tenancy import quota_view
from photon.domain.kinds import EntityKind
from photon.domain.project import Project
from photon.domain.quota import Amount, QuotaUnit, in_unit
from photon.domain.tenant import Tenant
from photon.store.nouns import PROJECTS, TENANTS
from photon.store.protocol import (
    Charge,
    DropLimits,
    QuotaRow,
    Require,
    SetLimits,
    Update,
    Write,
)
from photon.wire.v1 import tenancy
from photon.wire.v1.task import Task

QuotaCall = Call[NoQuery, tenancy.Quota]
RemovalCall = Call[NoQuery, tenancy.QuotaRemoval]


async def show_tenant_quota(plane: Plane, call: Call[NoQuery, None]) -> tenancy.Quota:
    tenant = await the_tenant(plane, call.id)
    return quota_view(await plane.store.quota(tenant.id))


async def reset_tenant_quota(plane: Plane, call: QuotaCall) -> Task:
    """Replaces all limits."""
    limits = limits_demanded(call.body)
    tenant = await the_tenant(plane, call.id)
    rows = limited(await plane.store.quota(tenant.id))
    check_units(limits, _used(rows))
    kept = {limit.key for limit in limits}
    removed = [row for key, row in rows.items() if key not in kept]
    _check_let_go(removed)
    writes = [_unused(tenant.id, removed), SetLimits(tenant.id, limits, replace=True)]
    return await _tenant_changed(plane, call, tenant, "RESET_QUOTA", writes)


async def update_tenant_quota(plane: Plane, call: QuotaCall) -> Task:
    """Adds limits, or overwrites those that are there."""
    limits = limits_demanded(call.body)
    tenant = await the_tenant(plane, call.id)
    check_units(limits, _used(limited(await plane.store.quota(tenant.id))))
    writes: list[Write] = [SetLimits(tenant.id, limits)]
    return await _tenant_changed(plane, call, tenant, "UPDATE_QUOTA", writes)


async def remove_tenant_quota(plane: Plane, call: RemovalCall) -> Task:
    """Removes limits. Refused for a key of which projects hold some."""
    keys = keys_demanded(call.body)
    tenant = await the_tenant(plane, call.id)
    rows = limited(await plane.store.quota(tenant.id))
    known = tuple(key for key in keys if key in rows)
    removed = [rows[key] for key in known]
    _check_let_go(removed)
    writes = [_unused(tenant.id, removed), DropLimits(tenant.id, known)]
    return await _tenant_changed(plane, call, tenant, "DELETE_QUOTA", writes)


async def show_project_quota(plane: Plane, call: Call[NoQuery, None]) -> tenancy.Quota:
    project = await the_project(plane, call.id)
    return quota_view(await plane.store.quota(project.id))


async def reset_project_quota(plane: Plane, call: QuotaCall) -> Task:
    """Replaces all limits; what they were goes back to the tenant."""
    return await _set_project_limits(plane, call, "RESET_QUOTA", replace=True)


async def update_project_quota(plane: Plane, call: QuotaCall) -> Task:
    """Adds limits, or overwrites those that are there."""
    return await _set_project_limits(plane, call, "UPDATE_QUOTA", replace=False)


async def remove_project_quota(plane: Plane, call: RemovalCall) -> Task:
    """Removes limits, which go back to the tenant; their keys are then only counted."""
    keys = keys_demanded(call.body)
    project = await the_project(plane, call.id)
    rows = limited(await plane.store.quota(project.id))
    known = tuple(key for key in keys if key in rows)
    writes: list[Write] = [
        DropLimits(project.id, known),
        Charge(project.tenant_id, given_back(rows[key] for key in known)),
    ]
    return await _project_changed(plane, call, project, "DELETE_QUOTA", writes)


async def _set_project_limits(
    plane: Plane, call: QuotaCall, operation: str, *, replace: bool
) -> Task:
    limits = limits_demanded(call.body)
    project = await the_project(plane, call.id)
    tenant = await the_tenant(plane, project.tenant_id)
    check_within(limits, limited(await plane.store.quota(tenant.id)))
    rows = limited(await plane.store.quota(project.id))
    check_units(limits, rows)
    writes: list[Write] = [
        Require(TENANTS, tenant.id, {"generation": tenant.generation}),
        SetLimits(project.id, limits, replace=replace),
        Charge(tenant.id, change_of(rows, limits, replace=replace)),
    ]
    return await _project_changed(plane, call, project, operation, writes)


async def _tenant_changed(
    plane: Plane, call: Call[Any, Any], tenant: Tenant, operation: str, writes: list[Write]
) -> Task:
    ask = Ask(operation, EntityKind.TENANT, tenant.id)
    return await completed(plane, call, ask, [Update(TENANTS, tenant), *writes])


async def _project_changed(
    plane: Plane, call: Call[Any, Any], project: Project, operation: str, writes: list[Write]
) -> Task:
    ask = Ask(operation, EntityKind.PROJECT, project.id, project.id)
    return await completed(plane, call, ask, [Update(PROJECTS, project), *writes])


def _check_let_go(removed: list[QuotaRow]) -> None:
    """Says which key is in the way, as far as it is known before the commit decides.

    Raises:
        QuotaStillHeld: projects hold some of a key.
    """
    for row in removed:
        if row.usage and row.limit is not None:
            unit = QuotaUnit(row.unit)
            limit, usage = (
                f"{row.key}, {in_unit(base, unit):g}, {unit}" for base in (row.limit, row.usage)
            )
            raise QuotaStillHeld(limit=limit, usage=usage, new_usage=usage)


def _unused(owner_id: str, rows: list[QuotaRow]) -> Write:
    """Refuses, unless nothing is used of these keys: a limit of 0 has no room for any usage."""
    return SetLimits(owner_id, tuple(Amount(row.key, 0.0, QuotaUnit(row.unit)) for row in rows))


def _used(rows: dict[str, QuotaRow]) -> dict[str, QuotaRow]:
    """A key that nobody uses may change from numbers to bytes; one in use may not."""
    return {key: row for key, row in rows.items() if row.usage}
