"""How long a door to another controller waits for what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from photon.scheduler.vain import Vain

# A leaf answers in a millisecond; a process that pauses for longer than this is as good as gone,
# and a demand has other children to try within the seconds that its saga takes anyway.
CALL_SECONDS: Final = 2.0
# The heartbeat of a cloud in which nothing changes; else it comes with each second's changes.
POLL_WAIT_MS: Final = 4_000
# Before the next try after one that failed, and between looks at a door that is silent.
POLL_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Pace:
    """Tests with little time give less. `vain`: of all doors together; None: each counts alone."""

    call_seconds: float = CALL_SECONDS
    poll_wait_ms: int = POLL_WAIT_MS
    poll_pause_seconds: float = POLL_PAUSE_SECONDS
    vain: Vain | None = None
