"""A subnet of the physical sort: a named set of port groups that hosts have (contract, 7.8)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from photon.domain.readiness import Readiness


class SubnetType(StrEnum):
    NAT = "NAT"
    NO_NAT = "NO_NAT"
    PROVIDER = "PROVIDER"
    PORT_GROUP = "PORT_GROUP"


class Subnet(msgspec.Struct, frozen=True):
    id: str
    name: str
    description: str | None
    port_groups: tuple[str, ...]
    type: SubnetType = SubnetType.PORT_GROUP
    state: Readiness = Readiness.READY
    is_default: bool = False
    private_ip_cidr: str | None = None
    dns_servers: tuple[str, ...] = ()
    generation: int = 0


class PortGroup(msgspec.Struct, frozen=True):
    """Keeps a port group to one subnet: its id is its name."""

    id: str
    subnet_id: str
    generation: int = 0
