"""Where a host's agent is, and which of its hosts is meant."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

AGENT_PORT = 8835  # Where agents listen unless a host's metadata says otherwise.
ENDPOINT_METADATA = "AGENT_ENDPOINT"  # `host:port`; needed when an agent serves many hosts.


class HostAddress(msgspec.Struct, frozen=True):
    """A host for a call: the agent's `host:port`, and the id that `provision` gave the host."""

    endpoint: str
    host_id: str


def endpoint_of(address: str, metadata: Mapping[str, str]) -> str:
    """The agent's `host:port` of a host with this address and metadata (as the API keeps them)."""
    named = metadata.get(ENDPOINT_METADATA)
    if named:
        return named
    return f"[{address}]:{AGENT_PORT}" if ":" in address else f"{address}:{AGENT_PORT}"
