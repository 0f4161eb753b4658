"""Only a host with enough vCPUs free."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Reason
from photon.scheduler.ask import Ask
from photon.scheduler.errors import NotEnoughCpuResource
from photon.scheduler.filter_kinds import AmountFilter, Words
from photon.scheduler.table import Amounts


def cpus_needed(ask: Ask) -> int:
    return ask.demand.cpus


def cpus_free(ask: Ask) -> Amounts:
    table = ask.table
    return table.free_cpus + table.cpus_kept if ask.demand.failover else table.free_cpus


def cpus_free_at(ask: Ask, row: int) -> int:
    kept = ask.table.cpus_kept.item(row) if ask.demand.failover else 0
    return ask.table.free_cpus.item(row) + kept


FILTER: Final = AmountFilter(
    rank=140,
    reason=Reason.TOO_LITTLE_CPU,
    words=Words(
        NotEnoughCpuResource,
        "lacks CPU",
        "lack CPU",
        "choose a smaller flavor, delete VMs or add hosts",
        unit="vCPUs",
    ),
    needed=cpus_needed,
    free=cpus_free,
    free_at=cpus_free_at,
)
