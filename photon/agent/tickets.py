"""Tickets: each lets whoever shows it in once, soon, and to one thing."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from photon.domain.guest import AgentRefusal, Refusal
from photon.outside.clock import Clock

TICKETS_MAX = 1024  # Handed out and not used yet; people open consoles by the dozen at most.
TICKET_BYTES = 24  # 192 bits: nobody guesses one while it is valid.

Target = TypeVar("Target")


class _Ticket(NamedTuple, Generic[Target]):
    target: Target
    ends: float


class TicketBook(Generic[Target]):
    """Tickets that were handed out, oldest first. `random_bytes` must be unguessable."""

    def __init__(
        self, clock: Clock, random_bytes: Callable[[int], bytes], valid_seconds: int
    ) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self.valid_seconds = valid_seconds
        self._tickets: OrderedDict[str, _Ticket[Target]] = OrderedDict()

    def issue(self, target: Target) -> str:
        """Refusal TICKET_UNAVAILABLE while too many are out."""
        now = self._clock.monotonic()
        while self._tickets and next(iter(self._tickets.values())).ends <= now:
            self._tickets.popitem(last=False)
        if len(self._tickets) >= TICKETS_MAX:
            message = f"{TICKETS_MAX} tickets are out and unused; try again in a minute."
            raise Refusal(AgentRefusal.TICKET_UNAVAILABLE, message)
        name = urlsafe_b64encode(self._random_bytes(TICKET_BYTES)).decode()
        self._tickets[name] = _Ticket(target, now + self.valid_seconds)
        return name

    def redeem(self, name: str) -> Target | None:
        """What the ticket is for; None if it was used, is too old, or never was."""
        ticket = self._tickets.pop(name, None)
        if ticket is None or ticket.ends <= self._clock.monotonic():
            return None
        return ticket.target
