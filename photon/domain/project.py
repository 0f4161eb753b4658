"""A project: where a tenant's VMs and disks live. Its limits are usage of the tenant's quota."""

from __future__ import annotations

import msgspec


class Project(msgspec.Struct, frozen=True):
    id: str
    tenant_id: str
    name: str
    security_groups: tuple[str, ...] = ()
    generation: int = 0
