"""Which host a call is for, and where its agent is."""

from __future__ import annotations

import msgspec


class HostAddress(msgspec.Struct, frozen=True):
    """A host for a call: the agent's `host:port`, and the id that `provision` gave the host."""

    endpoint: str
    host_id: str
