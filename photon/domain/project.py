"""A project: where a tenant's VMs and disks live. Its limits are usage of the tenant's quota."""

from __future__ import annotations

import msgspec

from photon.domain.demand import Strategy


class Project(msgspec.Struct, frozen=True):
    id: str
    tenant_id: str
    name: str
    security_groups: tuple[str, ...] = ()
    strategy: Strategy = Strategy.SPREAD  # of VMs that ask for none
    generation: int = 0
