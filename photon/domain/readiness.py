"""The life that images, flavors, subnets and zones share (contract, 3.3)."""

from __future__ import annotations

from enum import StrEnum


class Readiness(StrEnum):
    CREATING = "CREATING"
    READY = "READY"
    PENDING_DELETE = "PENDING_DELETE"  # deleted, and gone when its last user goes
    ERROR = "ERROR"


DELETABLE = frozenset({Readiness.CREATING, Readiness.READY, Readiness.ERROR})
