"""Who takes part in the control plane, and who holds which office of it."""

from __future__ import annotations

import msgspec


class Member(msgspec.Struct, frozen=True):
    """A process, as the others know it. `id` is one incarnation of it: none ever comes back.

    `address` is the URL of its API, `node_endpoint` the "host:port" at which it serves nodes of
    the scheduler tree ("": it does not). `generation` counts its heartbeats where they are stored.
    """

    id: str
    name: str
    component: str
    address: str
    node_endpoint: str = ""
    started_ms: int = 0
    generation: int = 0


class Office(msgspec.Struct, frozen=True):
    """Something that one member at a time does. `holder` is that member's id; "": nobody."""

    id: str
    holder: str
    generation: int = 0
