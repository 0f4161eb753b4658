"""Placement, hosts and the duties for them, broken on purpose."""

from __future__ import annotations

from typing import Any, Final

from photon.agent.books import Books
from photon.agent.claims import MemoryClaims
from photon.agent.drivers.simulated_room import SimulatedRoom
from photon.reconcilers.debts import Debts
from photon.reconcilers.orphans import Orphans
from photon.scheduler.holds import Holds
from photon.scheduler.leases import Leases
from tests.simulation.mutations.mutation import Mutation, Surgery


def trust_old_summaries(surgery: Surgery) -> None:
    """A leaf does not count what it has just promised, and hosts do not look either."""
    surgery.replace(Books, "admit", lambda self, claim: self.hold(claim))
    surgery.replace(Holds, "reserve", lambda self, demand, placement, now: None)


def never_end_reservations(surgery: Surgery) -> None:
    surgery.replace(Leases, "expired", lambda self, now: ())


def never_sweep_orphans(surgery: Surgery) -> None:
    async def left(self: Any, host: Any, orphans: Any) -> None:
        return

    surgery.replace(Orphans, "remove_old", left)


def never_collect_debts(surgery: Surgery) -> None:
    async def left(self: Any, *args: Any) -> None:
        return

    surgery.replace(Debts, "once", left)
    surgery.replace(Debts, "collect", left)


def ignore_the_datastore(surgery: Surgery) -> None:
    def taken_anyhow(take: Any) -> Any:
        def without_limit(self: Any, host: str, disks_gib: Any, capacity_gib: int) -> None:
            take(self, host, disks_gib, 1 << 40)

        return without_limit

    surgery.wrap(MemoryClaims, "take", taken_anyhow)


def never_give_claims_back(surgery: Surgery) -> None:
    surgery.replace(SimulatedRoom, "give_back", lambda self, disks_gib: None)


MUTATIONS: Final = (
    Mutation(
        "trust-old-summaries",
        "calm",
        "leaves promise what they have promised already, and hosts take it",
        trust_old_summaries,
        steps=300,
        tight=True,
        quick=True,
    ),
    Mutation(
        "ignore-the-datastore",
        "calm",
        "hosts do not mind what a datastore that they share says",
        ignore_the_datastore,
        crowded=True,
        quick=True,
    ),
    Mutation(
        "keep-claims",
        "calm",
        "what was claimed of a shared datastore is not given back when the disk is gone",
        never_give_claims_back,
        crowded=True,
    ),
    Mutation("forgive-debts", "crashing", "what hosts owe is never collected", never_collect_debts),
    Mutation("keep-orphans", "hostile", "orphans are never removed", never_sweep_orphans),
    Mutation("endless-reservations", "late", "reservations never end", never_end_reservations),
)
