"""Who holds what, and until when: the life of a hold.

A hold stands on up to two feet, and falls when both are gone:

- our claim: a *reservation* (placed, not yet known to exist; ends with its lease) or a
  *confirmation* (its agent made it; ends with a report that has it, or after the grace);
- the host's word: its last report has it.

An agent's answer to a create carries no generation, so a report that lacks a confirmed guest may be
older than the guest. Hence a report never takes our claim away, it only makes it unneeded; and a
guest that vanished right after its create is believed in for the grace and no longer. A report that
is older than a delete may bring a hold back: the next report, which the delete itself causes, ends
it. Both mistakes are on the safe side: held is never less than what exists.
"""

from __future__ import annotations

from collections.abc import Sequence

from photon.domain.demand import Demand, Placement
from photon.scheduler.books import DiskHeld, Held, HostBook
from photon.scheduler.leases import Leases
from photon.scheduler.ledger import Ledger
from photon.scheduler.policy import Policy


class Holds:
    def __init__(self, ledger: Ledger, policy: Policy) -> None:
        self._ledger = ledger
        self._reserved: Leases[Held] = Leases(policy.lease_seconds)
        self._confirmed: Leases[Held] = Leases(policy.grace_seconds)

    def find(self, demand_id: str, host_id: str) -> Held | None:
        host = self._ledger.hosts.get(host_id)
        return None if host is None else host.held.get(demand_id)

    def reserve(self, demand: Demand, placement: Placement, now: float) -> None:
        """Room or not: whoever places has looked, and a journal knows better."""
        held = self.find(demand.id, placement.host_id)
        if held is None:
            self._reserved.start(self._enter(demand, placement), now)
        else:
            self._ledger.where[held.id] = held
            self._ledger.regroup(held, demand.groups)
            self.renew(held, now)

    def renew(self, held: Held, now: float) -> None:
        """Whoever asks again is alive. What is confirmed or reported needs no reservation."""
        if held in self._reserved or not (held.reported or held in self._confirmed):
            self._reserved.start(held, now)

    def confirm(self, demand: Demand, placement: Placement, now: float) -> None:
        held = self.find(demand.id, placement.host_id)
        if held is None:  # the create took longer than the lease
            held = self._enter(demand, placement)
        self._ledger.regroup(held, demand.groups)
        self._reserved.end(held)
        held.demand = None
        if not held.reported:
            self._confirmed.start(held, now)

    def release(self, held: Held) -> None:
        self._reserved.end(held)
        self._confirmed.end(held)
        self._ledger.drop(held)

    def disclaim(self, held: Held) -> None:
        """Ends our claims: it is held from now on only if its host says so."""
        self._reserved.end(held)
        self._confirmed.end(held)
        self._drop_unheld(held)

    def report(
        self, host: HostBook, id: str, cpus: int, memory_mib: int, disks: tuple[DiskHeld, ...]
    ) -> None:
        """The host says that it has it, and how large it is."""
        held = host.held.get(id)
        if held is None:
            held = Held(id, host, cpus, memory_mib)
            held.disks = disks
            self._ledger.enter(held)
        else:
            self._ledger.resize(held, cpus, memory_mib, disks)
        held.reported = True
        self._confirmed.end(held)

    def unreport(self, held: Held) -> None:
        """The host says that it has it not (yet, or no more)."""
        held.reported = False
        self._drop_unheld(held)

    def expire(self, now: float) -> None:
        for held in self._reserved.expired(now):
            self._drop_unheld(held)
        for held in self._confirmed.expired(now):
            self._drop_unheld(held)

    def hand_over(self, held: Held, to: Holds, now: float) -> None:
        """Our claims on it are the other leaf's from now on, and last as long as new ones."""
        for mine, others in ((self._reserved, to._reserved), (self._confirmed, to._confirmed)):
            if held in mine:
                mine.end(held)
                others.start(held, now)

    def set_aside(self, host_id: str) -> list[Held]:
        """What is held of a host that another leaf's book is about to be put in place of."""
        host = self._ledger.hosts.get(host_id)
        if host is None:
            return []
        assert host.view is None, "a host is known to one leaf"
        strays = list(host.held.values())
        for held in strays:
            self._ledger.drop(held)
        self._ledger.remove(host)
        return strays

    def put_back(self, strays: Sequence[Held], host: HostBook) -> None:
        for held in strays:
            if held.id in host.held:
                self._reserved.end(held)
                self._confirmed.end(held)
            else:
                held.host = host
                self._ledger.enter(held)

    def _enter(self, demand: Demand, placement: Placement) -> Held:
        held = Held(demand.id, self._ledger.host(placement.host_id), demand.cpus, demand.memory_mib)
        held.disks = tuple(
            [
                DiskHeld(self._ledger.datastore(placed.datastore_id), asked.id, asked.capacity_gib)
                for asked, placed in zip(demand.disks, placement.disks, strict=True)
            ]
        )
        held.demand = demand
        held.score = placement.score
        held.why = placement.why[:1]
        held.groups = demand.groups
        self._ledger.enter(held)
        return held

    def _drop_unheld(self, held: Held) -> None:
        if held.reported or held in self._reserved or held in self._confirmed:
            return
        self._ledger.drop(held)
        if held.host.view is None and not held.host.held:
            self._ledger.remove(held.host)
