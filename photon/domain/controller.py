"""A controller process, as the others know it."""

from __future__ import annotations

import msgspec


class Controller(msgspec.Struct, frozen=True):
    """`id` is one incarnation of one process. It is dead when its lease has run out."""

    id: str
    name: str
    address: str
    lease_until_ms: int
    started_ms: int
    generation: int = 0
