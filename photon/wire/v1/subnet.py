"""Subnets of port groups (contract, 2.9)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.domain.readiness import Readiness
from photon.domain.subnet import SubnetType
from photon.wire.v1.basics import Name, Text, check_name

PORT_GROUPS_MAX = 64  # As many VLANs as one rack is usually given.
PortGroupName = Annotated[str, msgspec.Meta(min_length=1, max_length=265)]


class PortGroups(msgspec.Struct):
    names: Annotated[list[PortGroupName], msgspec.Meta(max_length=PORT_GROUPS_MAX)]


class SubnetCreateSpec(msgspec.Struct, rename="camel"):
    name: Name
    description: Text | None = None
    type: SubnetType | None = None
    private_ip_cidr: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    port_groups: PortGroups | None = None
    dns_server_addresses: (
        Annotated[list[Annotated[str, msgspec.Meta(max_length=256)]], msgspec.Meta(max_length=8)]
        | None
    ) = None

    def __post_init__(self) -> None:
        check_name(self.name)


class SubnetUpdateSpec(msgspec.Struct):
    name: Name

    def __post_init__(self) -> None:
        check_name(self.name)


class Subnet(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    name: str
    tags: list[str]
    kind: str
    description: str | None
    type: SubnetType
    is_default: bool
    private_ip_cidr: str | None
    state: Readiness
    reserved_ips: dict[str, str]
    port_groups: PortGroups
    dns_server_addresses: list[str]
