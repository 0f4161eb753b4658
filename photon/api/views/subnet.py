"""How subnets are shown (contract, 2.9)."""

from __future__ import annotations

from photon.domain.kinds import EntityKind
from photon.domain.subnet import Subnet
from photon.wire.v1 import subnet as wire


def subnet_view(subnet: Subnet, base: str) -> wire.Subnet:
    return wire.Subnet(
        id=subnet.id,
        self_link=f"{base}/v1/subnets/{subnet.id}",
        name=subnet.name,
        tags=[],
        kind=EntityKind.SUBNET,
        description=subnet.description,
        type=subnet.type,
        is_default=subnet.is_default,
        private_ip_cidr=subnet.private_ip_cidr,
        state=subnet.state,
        reserved_ips={},
        port_groups=wire.PortGroups(list(subnet.port_groups)),
        dns_server_addresses=list(subnet.dns_servers),
    )
