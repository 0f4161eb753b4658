"""Only a host with enough room on a datastore."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Reason
from photon.scheduler.ask import Ask
from photon.scheduler.errors import NotEnoughDatastoreCapacity
from photon.scheduler.filter_kinds import AmountFilter, Words


def gib_needed(ask: Ask) -> int:
    """On one datastore: a VM's disks lie together, unless no host at all has room for that."""
    return ask.gib


FILTER: Final = AmountFilter(
    rank=160,  # last: it looks at two tables
    reason=Reason.TOO_LITTLE_DISK,
    words=Words(
        NotEnoughDatastoreCapacity,
        "lacks room for disks",
        "lack room for disks",
        "choose smaller disks, delete some or add a datastore",
        unit="GiB",
    ),
    needed=gib_needed,
    free=Ask.free_gib,
    free_at=Ask.free_gib_at,
)
