"""The deployment as a whole: one row."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

SYSTEM_ID: Final = "default"


class SystemState(StrEnum):
    READY = "READY"
    PAUSED = "PAUSED"  # nothing that writes runs
    BACKGROUND_PAUSED = "BACKGROUND_PAUSED"  # reconcilers rest; the API works


class System(msgspec.Struct, frozen=True):
    id: str = SYSTEM_ID
    state: SystemState = SystemState.READY
    image_datastores: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()
    quorum: int = 1
    generation: int = 0
