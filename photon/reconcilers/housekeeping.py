"""The duties of the housekeeper: what must be done once in a deployment.

All of them write through one store that is bound to the office (photon.reconcilers.incumbency), so
that of a housekeeper who was frozen until another had the office nothing is accepted any more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from photon.agent_client.protocol import Agents
from photon.images.protocol import Images
from photon.outside.clock import Clock
from photon.reconcilers.debts import DEBTS_SECONDS, Debts
from photon.reconcilers.duty import Duty
from photon.reconcilers.guest_watch import AUDIT_PAGE_SECONDS, GuestWatch
from photon.reconcilers.image_replication import REPLICATE_SECONDS, ImageReplication
from photon.reconcilers.incumbency import Incumbency
from photon.reconcilers.orphans import REMOVED_SECONDS, Orphans
from photon.reconcilers.sweeps import HOUSEKEEPER, sweeps


@dataclass(frozen=True, slots=True)
class House:
    """`image_url` and `silent`: see ImageReplication."""

    agents: Agents
    images: Images
    clock: Clock
    image_url: Callable[[str], str]
    silent: Callable[[], Collection[str]]


class Housekeeping:
    """`close` it at the end."""

    def __init__(self, house: House, incumbency: Incumbency) -> None:
        store, agents, clock = incumbency.bound(), house.agents, house.clock
        self._copies = ImageReplication(store, agents, clock, house.image_url, house.silent)
        debts, orphans = Debts(store, agents, clock), Orphans(store, agents, clock)
        guests = GuestWatch(store, agents, clock)
        self.duties = [
            Duty("debts", DEBTS_SECONDS, debts.once, office=HOUSEKEEPER),
            Duty("orphans", REMOVED_SECONDS, orphans.forget_removed, office=HOUSEKEEPER),
            Duty("guest-audit", AUDIT_PAGE_SECONDS, guests.audit_next, office=HOUSEKEEPER),
            Duty("image-copies", REPLICATE_SECONDS, self._copies.once, office=HOUSEKEEPER),
            *sweeps(store, agents, house.images, clock),
        ]

    def close(self) -> None:
        self._copies.close()
