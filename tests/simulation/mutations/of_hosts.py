"""Placement, hosts and the duties for them, broken on purpose."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from photon.agent.books import Books
from photon.agent.claims import MemoryClaims
from photon.agent.drivers.simulated_room import SimulatedRoom
from photon.agent.host import AgentHost
from photon.agent.key_locks import KeyLocks
from photon.reconcilers.debts import Debts
from photon.reconcilers.host_line import AgentLine
from photon.reconcilers.orphans import Orphans
from photon.scheduler import table
from photon.scheduler.holds import Holds
from photon.scheduler.leases import Leases
from photon.scheduler.patience import PatientRoot
from tests.simulation.mutations.mutation import Mutation, Surgery, replace


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


def never_say_missing(surgery: Surgery) -> None:
    surgery.replace(AgentLine, "_lose", lambda self, hosts, why: None)


def stay_missing(surgery: Surgery) -> None:
    surgery.replace(AgentLine, "_bring_back", lambda self: None)


def fill_closed_hosts(surgery: Surgery) -> None:
    """Neither the scheduler minds what an operator took out, nor the host."""
    surgery.replace(table, "_is_ready", lambda host: True)
    surgery.replace(AgentHost, "_check_takes_new", lambda self: None)


def ignore_zones(surgery: Surgery) -> None:
    def around(place: Any) -> Any:
        def anywhere(self: Any, demand: Any) -> Any:
            return place(self, replace(demand, zone_id=None))

        return anywhere

    surgery.wrap(PatientRoot, "place", around)


def lock_nothing_on_hosts(surgery: Surgery) -> None:
    @asynccontextmanager
    async def holding(self: Any, *keys: str) -> AsyncIterator[None]:
        yield

    surgery.replace(KeyLocks, "holding", holding)


MUTATIONS: Final = (
    Mutation("never-missing", "dying", "silent hosts are not MISSING", never_say_missing),
    Mutation("stay-missing", "dying", "hosts that are back stay MISSING", stay_missing),
    Mutation(
        "fill-the-closed",
        "calm",
        "hosts that are suspended are given VMs, and take them",
        fill_closed_hosts,
        steps=300,
    ),
    Mutation("ignore-zones", "calm", "the zone that was asked for does not count", ignore_zones),
    Mutation(
        "lock-no-guests",
        "late",
        "hosts do two things to a VM at once",
        lock_nothing_on_hosts,
        tight=True,
    ),
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
