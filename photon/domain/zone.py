"""An availability zone: hosts that may fail together (contract, 7.7)."""

from __future__ import annotations

import msgspec

from photon.domain.readiness import Readiness


class Zone(msgspec.Struct, frozen=True):
    id: str
    name: str
    state: Readiness = Readiness.READY
    generation: int = 0
