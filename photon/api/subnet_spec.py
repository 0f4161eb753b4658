"""What a new subnet may be, as far as its request alone can tell."""

from __future__ import annotations

import ipaddress
from typing import Final

from photon.api.body import printable
from photon.domain.error_catalogue import InvalidEntity
from photon.domain.subnet import Subnet, SubnetType
from photon.wire.v1 import subnet as wire

# The other types belong to routers, which only a software-defined network has.
TYPES: Final = frozenset({SubnetType.PORT_GROUP, SubnetType.PROVIDER})
MASK_BITS_MIN: Final = 1  # The contract's range of masks (2.3).
MASK_BITS_MAX: Final = 31


def checked_subnet(id: str, spec: wire.SubnetCreateSpec) -> Subnet:
    """The subnet that `spec` asks for.

    Raises:
        InvalidEntity: it cannot be.
    """
    kind = spec.type or SubnetType.PORT_GROUP
    if kind not in TYPES:
        raise InvalidEntity(problem=f"type : must be PORT_GROUP or PROVIDER (was {kind})")
    names = spec.port_groups.names if spec.port_groups is not None else []
    if not names:
        raise InvalidEntity(problem="portGroups.names size must be at least 1 (was [])")
    for name in names:
        if not name.isprintable():
            raise InvalidEntity(problem="portGroups.names : must be printable text")
    cidr = spec.private_ip_cidr or None  # Clients send what they leave out as "".
    _check_cidr(cidr)
    _check_servers(spec.dns_server_addresses)
    return Subnet(
        id=id,
        name=spec.name,
        description=spec.description,
        port_groups=tuple(dict.fromkeys(names)),
        type=kind,
        private_ip_cidr=cidr,
        dns_servers=tuple(spec.dns_server_addresses or ()),
    )


def _check_cidr(cidr: str | None) -> None:
    if cidr is None:
        return
    try:
        mask_bits = ipaddress.IPv4Network(cidr, strict=False).prefixlen if "/" in cidr else 0
    except ValueError:
        mask_bits = 0
    if not MASK_BITS_MIN <= mask_bits <= MASK_BITS_MAX:
        shown = printable(cidr)
        raise InvalidEntity(problem=f"privateIpCidr : must be an IPv4 CIDR (was {shown})")


def _check_servers(addresses: list[str] | None) -> None:
    for address in addresses or ():
        try:
            ipaddress.ip_address(address)
        except ValueError:
            shown = printable(address)
            raise InvalidEntity(
                problem=f"dnsServerAddresses : must be IP addresses (was {shown})"
            ) from None
