"""Only a host, in a zone, with fewer members of its groups than may be there."""

from __future__ import annotations

from typing import Final

from photon.scheduler.ask import Ask
from photon.scheduler.errors import UnfullfillableAffinities
from photon.scheduler.filter_kinds import AmountFilter, Words
from photon.scheduler.table import Amounts


def members_needed(ask: Ask) -> int:
    return 0 if ask.members_left is None else 1


def members_left(ask: Ask) -> Amounts:
    assert ask.members_left is not None, "only asked where a rule limits them"
    return ask.members_left


def members_left_at(ask: Ask, row: int) -> int:
    return members_left(ask).item(row)


FILTER: Final = AmountFilter(
    rank=130,
    reason="GROUP_TOO_NEAR",
    words=Words(
        UnfullfillableAffinities,
        "has as many VMs of its group as may be on one host or in one zone",
        "have as many VMs of its group as may be on one host or in one zone",
        "allow more of the group on a host, or add hosts",
    ),
    needed=members_needed,
    free=members_left,
    free_at=members_left_at,
    of_rules=True,
)
