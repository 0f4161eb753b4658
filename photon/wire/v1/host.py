"""Hosts, datastores and availability zones (contract, 2.4)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.domain.host import HostState, UsageTag
from photon.domain.missing_host import AgentState
from photon.domain.readiness import Readiness
from photon.wire.v1.basics import Name, NonEmpty, check_name
from photon.wire.v1.vm import TextMap

# A domain name or an IP address, as RFC 1123 and RFC 4291 spell them.
ADDRESS_PATTERN = r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$"


class HostCreateSpec(msgspec.Struct, rename="camel"):
    """`zone` is what one client calls `availabilityZone`; either is taken."""

    address: Annotated[str, msgspec.Meta(min_length=1, max_length=253, pattern=ADDRESS_PATTERN)]
    username: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    usage_tags: Annotated[list[UsageTag], msgspec.Meta(min_length=1, max_length=2)]
    availability_zone: str | None = None
    zone: str | None = None
    metadata: TextMap | None = None

    def __post_init__(self) -> None:
        if self.address.endswith("\n"):
            raise ValueError("Expected `str` that is a domain name or an IP address")


class Host(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    address: str
    username: str
    password: str
    usage_tags: list[UsageTag]
    availability_zone: str | None
    metadata: dict[str, str]
    esx_version: str | None
    state: HostState
    # Beyond the contract: whether its agent is heard (None: nobody listens yet), and if it is not,
    # since when (in milliseconds) and what was heard instead.
    agent_state: AgentState | None = None
    missing_since_time: int | None = None
    missing_reason: str | None = None


class HostSetAvailabilityZoneOperation(msgspec.Struct, rename="camel"):
    availability_zone_id: NonEmpty


class Datastore(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    type: str
    tags: list[str]


class ZoneCreateSpec(msgspec.Struct):
    name: Name

    def __post_init__(self) -> None:
        check_name(self.name)


class Zone(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    tags: list[str]
    state: Readiness
