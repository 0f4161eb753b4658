"""How long a silent member is believed to live, and when it must have stopped believing it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LEASE_SECONDS: Final = 12.0  # A pause of the machine is shorter; people wait no longer for a task.
# Four in a lease: three in a row may fail before anybody is declared dead.
RENEWALS_A_LEASE: Final = 4


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """The same for all members of a deployment: each trusts that the others keep to them."""

    lease_seconds: float = LEASE_SECONDS

    @property
    def renew_seconds(self) -> float:
        return self.lease_seconds / RENEWALS_A_LEASE

    @property
    def held_seconds(self) -> float:
        """Offices are given up so long after the last renewal began, if no other followed.

        What was begun before then has a whole period to end, and clocks may run unevenly.
        """
        return self.lease_seconds - self.renew_seconds
