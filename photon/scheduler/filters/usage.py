"""Only a host of the usage that is asked for, CLOUD or MGMT."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand, Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask, usage_bit


def serves_usage(hosts: HostTable, demand: Demand) -> Mask:
    passing: Mask = (hosts.usage & usage_bit(demand.usage)) != 0
    return passing


FILTER: Final = FixedFilter(
    rank=50,  # what a host is for, before what it has
    reason=Reason.WRONG_USAGE,
    words=Words(
        NoSuchResource,
        "is not a {usage} host",
        "are not {usage} hosts",
        "add a {usage} host",
        facts=lambda demand: {"usage": demand.usage},
    ),
    reads=("usage",),
    passes=serves_usage,
)
