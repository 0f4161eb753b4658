"""The one table of routes: everything that the public API answers, chapter by chapter."""

from __future__ import annotations

from typing import Final

from photon.api.route import Route
from photon.api.tables import (
    datastores,
    disks,
    flavors,
    hosts,
    images,
    projects,
    quotas,
    subnets,
    system,
    tasks,
    tenants,
    vm_operations,
    vms,
    zones,
)

ROUTES: Final[tuple[Route, ...]] = (
    *system.ROUTES,
    *hosts.ROUTES,
    *datastores.ROUTES,
    *zones.ROUTES,
    *tenants.ROUTES,
    *projects.ROUTES,
    *quotas.ROUTES,
    *flavors.ROUTES,
    *images.ROUTES,
    *vms.ROUTES,
    *vm_operations.ROUTES,
    *disks.ROUTES,
    *subnets.ROUTES,
    *tasks.ROUTES,
)
