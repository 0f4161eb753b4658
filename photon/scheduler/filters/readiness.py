"""Not a host that is suspended, in maintenance or not provisioned."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand, Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask


def is_ready(hosts: HostTable, demand: Demand) -> Mask:
    return hosts.ready


FILTER: Final = FixedFilter(
    rank=20,  # nothing that an operator took out is offered
    reason=Reason.NOT_READY,
    words=Words(
        NoSuchResource,
        "is in maintenance, suspended or not provisioned",
        "are in maintenance, suspended or not provisioned",
        "exit maintenance or resume a host, or add one",
    ),
    reads=(),
    passes=is_ready,
)
