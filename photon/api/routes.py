"""The one table of routes: everything that the public API answers, chapter by chapter."""

from __future__ import annotations

from typing import Final

from photon.api.route import Route
from photon.api.tables import (
    datastores,
    disks,
    hosts,
    images,
    tenants,
    vm_operations,
    vms,
)

ROUTES: Final[tuple[Route, ...]] = (
    *hosts.ROUTES,
    *datastores.ROUTES,
    *tenants.ROUTES,
    *images.ROUTES,
    *vms.ROUTES,
    *vm_operations.ROUTES,
    *disks.ROUTES,
)
