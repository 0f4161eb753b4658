"""Which hosts refused a VM or a disk, and where it is tried next.

A host that refused is shut out: its guest or disk is deleted there although it was never made, so
that a create which was delayed on its way makes nothing when another host has it. Who is shut out
takes it no more. So a host that lacked room on one datastore, and may have some on another, is shut
out only once another host has been chosen: it is the last choice, and not none.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.guest import AgentRefusal
from photon.sagas.cloud import Cloud
from photon.scheduler.sentence import error_of as no_placement_error

PLACEMENT_TRIES_MAX: Final = 5  # A host that filled up twice is luck; five times is a full cloud.

# Refusals that say "not here", as against "not like this": another host may well take it.
PLACE_AGAIN: Final = frozenset(
    {
        AgentRefusal.NOT_ENOUGH_CPU,
        AgentRefusal.NOT_ENOUGH_MEMORY,
        AgentRefusal.NOT_ENOUGH_DATASTORE,
        AgentRefusal.DATASTORE_NOT_FOUND,
        AgentRefusal.NETWORK_NOT_FOUND,
        AgentRefusal.WRONG_MODE,
        AgentRefusal.HOST_NOT_FOUND,
        AgentRefusal.BUSY,
    }
)


@dataclass(slots=True)
class Tries:
    """Of one saga. `shut_out` has ids of hosts; `short` those that lacked room on a datastore."""

    shut_out: frozenset[str] = frozenset()
    short: dict[str, HostAddress] = field(default_factory=dict)

    def next(self, demand: Demand) -> Demand:
        last = frozenset(self.short)
        return msgspec.structs.replace(demand, hosts_excluded=self.shut_out, hosts_last=last)

    def chosen(self, placement: Placement) -> tuple[HostAddress, ...]:
        """The hosts that are to be shut out before it is made where it was placed now."""
        others = [host for id, host in self.short.items() if id != placement.host_id]
        for host in others:
            self.shut_out |= {host.host_id}
            del self.short[host.host_id]
        return tuple(others)

    def refused(self, placement: Placement, *, short: bool) -> None:
        """Who was not `short` has been shut out."""
        if short:
            self.short[placement.host_id] = address_of(placement)
        else:
            self.short.pop(placement.host_id, None)
            self.shut_out |= {placement.host_id}


def address_of(placement: Placement) -> HostAddress:
    return HostAddress(placement.agent_endpoint, placement.host_id)


async def place(cloud: Cloud, demand: Demand) -> Placement:
    """On none of `hosts_last`, unless nothing else fits. The step that both sagas begin with.

    Raises:
        PhotonError: nothing fits; its code says what is lacking.
    """
    sooner = msgspec.structs.replace(
        demand, hosts_excluded=demand.hosts_excluded | demand.hosts_last, hosts_last=frozenset()
    )
    placement = await cloud.scheduler.place(sooner)
    if isinstance(placement, NoPlacement) and demand.hosts_last:
        later = msgspec.structs.replace(demand, hosts_last=frozenset())
        placement = await cloud.scheduler.place(later)
    if isinstance(placement, NoPlacement):
        raise no_placement_error(demand, placement)
    return placement
