"""That a host is MISSING: it takes nothing new, and what is on it cannot be reached."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AgentState(StrEnum):
    """Whether a host that is ours is heard of."""

    ACTIVE = "ACTIVE"
    MISSING = "MISSING"


class MissingHost(msgspec.Struct, frozen=True):
    """There is one while the host is MISSING. `why` is what was heard instead of its agent."""

    id: str  # the host's
    since_ms: int
    why: str
    generation: int = 0
