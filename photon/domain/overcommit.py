"""How much more than it has a host promises: the terms that its agent is told, and admits by."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Final

import msgspec

from photon.domain.error_catalogue import InvalidEntity

# vCPUs mostly wait, so sixteen share a core; memory that is promised twice ends guests.
CPU_OVERCOMMIT: Final = 16.0
MEMORY_OVERCOMMIT: Final = 1.0
# An agent takes no more: past this it is a typing mistake.
OVERCOMMIT_MAX: Final = 1000.0

# Host metadata: this host's own, before the deployment's.
CPU_OVERCOMMIT_KEY: Final = "CPU_OVERCOMMIT"
MEMORY_OVERCOMMIT_KEY: Final = "MEMORY_OVERCOMMIT"


class Overcommit(msgspec.Struct, frozen=True):
    """The deployment's, for hosts that have none of their own."""

    cpu: float = CPU_OVERCOMMIT
    memory: float = MEMORY_OVERCOMMIT

    def of(self, metadata: Mapping[str, str]) -> Overcommit:
        """That of a host with this metadata."""
        return Overcommit(
            _said(metadata, CPU_OVERCOMMIT_KEY) or self.cpu,
            _said(metadata, MEMORY_OVERCOMMIT_KEY) or self.memory,
        )


def check_overcommit(metadata: Mapping[str, str]) -> None:
    """Raises InvalidEntity."""
    for key in (CPU_OVERCOMMIT_KEY, MEMORY_OVERCOMMIT_KEY):
        if metadata.get(key) and _said(metadata, key) is None:
            raise InvalidEntity(
                problem=f"the metadata {key} is not a number above 0 and at most {OVERCOMMIT_MAX:g}"
            )


def _said(metadata: Mapping[str, str], key: str) -> float | None:
    """None when nothing is said that could be used."""
    try:
        value = float(metadata.get(key, ""))
    except ValueError:
        return None
    return value if isfinite(value) and 0 < value <= OVERCOMMIT_MAX else None
