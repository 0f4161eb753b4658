"""A child as its parent sees it: the latest summary, and what was learnt since that was made."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from photon.domain.demand import Demand, NoPlacement, Reason
from photon.scheduler.filter_order import constraints
from photon.scheduler.protocol import ChildNode
from photon.scheduler.summary import Facts, Summary, ruled_out

# Refusals of one child that are remembered until its next summary, a second or so. More kinds of
# demands than this, all refused within a second, are somebody's attack.
MISSES_MAX: Final = 256
# Reasons that say nothing of the next demand.
_PASSING: Final = frozenset({Reason.EXCLUDED, Reason.NODE_SILENT})


class Seat:
    def __init__(self, child: ChildNode, name: str) -> None:
        self.child = child
        self.name = name
        self.summary = Summary()
        self.freed = False  # something was given back there since
        self._misses: dict[Hashable, NoPlacement] = {}
        self._spent_cpus = 0
        self._spent_memory_mib = 0
        self._spent_gib = 0

    @property
    def facts(self) -> Facts:
        return self.summary.facts

    @property
    def is_silent(self) -> bool:
        """None of its hosts can be asked now."""
        return 0 < self.summary.hosts == self.summary.hosts_silent

    def look(self) -> bool:
        """True when its facts are others than before."""
        summary, before = self.child.summary(), self.summary
        if summary is before:
            return False
        self.summary = summary
        self.freed = False
        self._misses = {}
        self._spent_cpus = self._spent_memory_mib = self._spent_gib = 0
        return summary.facts is not before.facts

    def spend(self, demand: Demand) -> None:
        self._spent_cpus += demand.cpus
        self._spent_memory_mib += demand.memory_mib
        for disk in demand.disks:
            self._spent_gib += disk.capacity_gib

    def give_back(self) -> None:
        """By how much it has more room is not known; that it may have is."""
        self.freed = True
        self._misses = {}

    def learn(self, demand: Demand, refusal: NoPlacement) -> None:
        """It cannot take such demands; but a host that is left out for this demand alone, or for a
        moment, may take the next. With rules, what other children have counts as well."""
        passing = any(count.reason in _PASSING for count in refusal.reasons)
        if not passing and not demand.rules and len(self._misses) < MISSES_MAX:
            self._misses[_amounts(demand)] = refusal

    def has_room(self, demand: Demand) -> bool:
        """By the amounts of its summary; its facts are its parent's to compare, once for all
        demands with such constraints."""
        summary = self.summary
        if demand.failover:
            return self.why_not(demand) is None
        if (
            demand.cpus > summary.largest_cpus
            or demand.memory_mib > summary.largest_memory_mib
            or not summary.hosts_ready
        ):
            return False
        for disk in demand.disks:
            if disk.capacity_gib > summary.largest_gib:
                return False
        return not (self._misses and _amounts(demand) in self._misses)

    def why_not(self, demand: Demand) -> NoPlacement | None:
        """What is known without asking it."""
        return ruled_out(self.summary, demand) or self._misses.get(_amounts(demand))

    def left(self, demand: Demand) -> float:
        """The share that is free of what it has least of; children are as even as their hosts when
        these shares are, however many hosts each has."""
        summary = self.summary
        if not demand.cpus and not demand.memory_mib:
            return (summary.free_gib - self._spent_gib) / (summary.gib_offered or 1)
        cpus_left = (summary.free_cpus - self._spent_cpus) / (summary.cpus_offered or 1)
        memory_left = (summary.free_memory_mib - self._spent_memory_mib) / (
            summary.memory_mib_offered or 1
        )
        return cpus_left if cpus_left < memory_left else memory_left


def _amounts(demand: Demand) -> Hashable:
    gib = tuple([disk.capacity_gib for disk in demand.disks])
    return constraints(demand), demand.cpus, demand.memory_mib, gib, demand.failover
