"""Tenants, projects and their quota (contract, 2.5 and 6.4)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.domain.quota import QuotaUnit
from photon.wire.v1.basics import Name, SecurityGroup, check_name
from photon.wire.v1.placement import ProjectPlacement

QUOTA_KEYS_MAX = 500  # Flavors bring keys of their own; each is a row and a condition.
QuotaKey = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]


class QuotaStatusLineItem(msgspec.Struct):
    limit: Annotated[float, msgspec.Meta(ge=0)]
    unit: QuotaUnit
    usage: float | None = None


class QuotaRemovalItem(msgspec.Struct):
    """An item of a removal: only its key matters."""

    limit: float | None = None
    usage: float | None = None
    unit: str | None = None


QuotaItems = Annotated[dict[QuotaKey, QuotaStatusLineItem], msgspec.Meta(max_length=QUOTA_KEYS_MAX)]
RemovedItems = Annotated[
    dict[QuotaKey, QuotaRemovalItem | None], msgspec.Meta(max_length=QUOTA_KEYS_MAX)
]


class Quota(msgspec.Struct, rename="camel"):
    quota_items: QuotaItems | None = None


class QuotaRemoval(msgspec.Struct, rename="camel"):
    quota_items: RemovedItems | None = None


class TenantCreateSpec(msgspec.Struct, rename="camel"):
    name: Name
    security_groups: list[str] | None = None
    quota: Quota | None = None

    def __post_init__(self) -> None:
        check_name(self.name)


class Tenant(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    tags: list[str]
    security_groups: list[SecurityGroup]
    quota: Quota


class ProjectCreateSpec(msgspec.Struct, rename="camel"):
    name: Name
    quota: Quota | None = None
    security_groups: list[str] | None = None
    default_router_private_ip_cidr: str | None = None
    placement: ProjectPlacement | None = None

    def __post_init__(self) -> None:
        check_name(self.name)


class Project(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    name: str
    tags: list[str]
    security_groups: list[SecurityGroup]
    quota: Quota
    tenant_id: str
    placement: ProjectPlacement | None = None
