"""What can die in a drill: its kinds, and what there is of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from photon.plan.hosts import HostPlan

RACK: Final = "rack"
ZONE: Final = "zone"
AGENT: Final = "agent"
CONTROLLER: Final = "controller"
STORE: Final = "store"
KINDS: Final = (RACK, ZONE, AGENT, CONTROLLER, STORE)


def drilled_host(hosts: HostPlan) -> str:
    """Whose agent dies in a drill: it has one of its own, however many hosts there are."""
    return hosts.hosts[0].address


def names_of(hosts: HostPlan, kind: str) -> Sequence[str]:
    """What of this kind there is to die."""
    match kind:
        case "rack":
            return hosts.racks
        case "zone":
            return hosts.zones
        case "agent":
            return (drilled_host(hosts),)
        case "controller":
            return tuple(f"controller-{number + 1}" for number in range(hosts.controllers))
        case _:
            return (STORE,)
