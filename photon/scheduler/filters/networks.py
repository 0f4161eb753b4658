"""Only a host with all port groups that are asked for."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand, Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask


def has_networks(hosts: HostTable, demand: Demand) -> Mask:
    passing = hosts.everyone.copy()
    for network in demand.networks:
        having = hosts.nobody.copy()
        if network in hosts.networks:
            having[hosts.networks[network]] = True
        passing &= having
    return passing


FILTER: Final = FixedFilter(
    rank=80,  # after where it is, what it is connected to
    reason=Reason.NO_NETWORK,
    words=Words(
        NoSuchResource,
        "lacks one of the networks {networks}",
        "lack one of the networks {networks}",
        "choose subnets that hosts have in common",
        facts=lambda demand: {"networks": ", ".join(demand.networks)},
    ),
    reads=("networks",),
    passes=has_networks,
)
