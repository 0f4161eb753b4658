"""Routes of VMs."""

from __future__ import annotations

from typing import Final

from photon.api.route import Route

ROUTES: Final[tuple[Route, ...]] = ()
