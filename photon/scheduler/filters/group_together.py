"""Only a host where the groups are that it must be with."""

from __future__ import annotations

from typing import Final

from photon.scheduler.ask import Ask
from photon.scheduler.errors import UnfullfillableAffinities
from photon.scheduler.filter_kinds import AmountFilter, Words
from photon.scheduler.table import Amounts


def companions_needed(ask: Ask) -> int:
    return 0 if ask.companions is None else 1


def companions(ask: Ask) -> Amounts:
    assert ask.companions is not None, "only asked where a rule needs them"
    return ask.companions


def companions_at(ask: Ask, row: int) -> int:
    return companions(ask).item(row)


FILTER: Final = AmountFilter(
    rank=120,
    reason="GROUP_ELSEWHERE",
    words=Words(
        UnfullfillableAffinities,
        "has no VM of the groups that it must be with",
        "have no VM of the groups that it must be with",
        "make room on the hosts of those VMs, or let it lie apart from them",
    ),
    needed=companions_needed,
    free=companions,
    free_at=companions_at,
    of_rules=True,
)
