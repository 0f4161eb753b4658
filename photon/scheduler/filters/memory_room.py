"""Only a host with enough memory free."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Reason
from photon.scheduler.ask import Ask
from photon.scheduler.errors import NotEnoughMemoryResource
from photon.scheduler.filter_kinds import AmountFilter, Words
from photon.scheduler.table import Amounts


def memory_mib_needed(ask: Ask) -> int:
    return ask.demand.memory_mib


def memory_mib_free(ask: Ask) -> Amounts:
    table = ask.table
    if ask.demand.failover:
        return table.free_memory_mib + table.memory_mib_kept
    return table.free_memory_mib


def memory_mib_free_at(ask: Ask, row: int) -> int:
    kept = ask.table.memory_mib_kept.item(row) if ask.demand.failover else 0
    return ask.table.free_memory_mib.item(row) + kept


FILTER: Final = AmountFilter(
    rank=150,
    reason=Reason.TOO_LITTLE_MEMORY,
    words=Words(
        NotEnoughMemoryResource,
        "lacks memory",
        "lack memory",
        "choose a smaller flavor, delete VMs or add hosts",
        unit="MiB",
    ),
    needed=memory_mib_needed,
    free=memory_mib_free,
    free_at=memory_mib_free_at,
)
