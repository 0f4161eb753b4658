"""What a reason for not taking a host consists of: its place, its words, and who asks it of a host.

Each module of `photon.scheduler.filters` defines one, as FILTER; `photon.scheduler.filter_order`
finds them. Ranks have gaps, so that a new reason goes between two others without touching them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from photon.domain.demand import Demand
from photon.scheduler.ask import Ask
from photon.scheduler.errors import NothingFits
from photon.scheduler.table import Amounts, HostTable, Mask


def no_facts(demand: Demand) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class Words:
    """`one` and `many` follow a number of hosts; `next_step` ends the sentence. `facts` are of the
    demand, for the {names} in those; `unit` is of an amount that says something to who asked."""

    error: type[NothingFits]
    one: str
    many: str
    next_step: str
    unit: str = ""
    facts: Callable[[Demand], Mapping[str, str]] = no_facts


@dataclass(frozen=True, slots=True)
class AskedElsewhere:
    """No question to a table of hosts: a leaf or a parent finds it by itself."""

    rank: int
    reason: str
    words: Words


@dataclass(frozen=True, slots=True)
class FixedFilter:
    """Depends on facts that seldom change, and on what it `reads` of the demand (attributes, by
    name), so that its answer is kept for all demands that are alike in those."""

    rank: int
    reason: str
    words: Words
    reads: tuple[str, ...]
    passes: Callable[[HostTable, Demand], Mask]


@dataclass(frozen=True, slots=True)
class AmountFilter:
    """Passes where there is as much as is needed; nothing needed is found everywhere, since a host
    that holds more than it has can still do what costs it nothing."""

    rank: int
    reason: str
    words: Words
    needed: Callable[[Ask], int]
    free: Callable[[Ask], Amounts]  # by host
    free_at: Callable[[Ask, int], int]  # the same of one host, which is a hundred times cheaper
    of_rules: bool = False  # asked only where the demand has rules between VMs

    def passes(self, ask: Ask) -> Mask:
        needed = self.needed(ask)
        if not needed:
            return ask.table.everyone
        return self.free(ask) >= needed

    def passes_at(self, ask: Ask, row: int) -> bool:
        needed = self.needed(ask)
        return not needed or self.free_at(ask, row) >= needed


Filter = AskedElsewhere | FixedFilter | AmountFilter
