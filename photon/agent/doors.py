"""Ways to a guest that do not go through the RPC, as a host sees them."""

from __future__ import annotations

from typing import Protocol

from photon.agent.drivers.protocol import HostDriver
from photon.domain.guest import ConsoleKind, ConsoleTicket


class Doors(Protocol):
    """Ways in from outside, past the RPC: consoles, and the files of captured images."""

    def console(self, driver: HostDriver, vm_id: str, kind: ConsoleKind) -> ConsoleTicket:
        """Refusal TICKET_UNAVAILABLE if too many tickets are out."""
        ...

    def capture_url(self, driver: HostDriver, image_id: str) -> str:
        """Where the file can be fetched, once. Refusal TICKET_UNAVAILABLE."""
        ...
