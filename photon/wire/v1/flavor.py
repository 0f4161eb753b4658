"""Flavors (contract, 2.6)."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.domain.flavor import FlavorKind
from photon.domain.readiness import Readiness
from photon.wire.v1.basics import Name, QuotaLineItem, check_name


class FlavorCreateSpec(msgspec.Struct):
    name: Name
    kind: Annotated[
        str, msgspec.Meta(max_length=63, pattern=r"^(persistent-disk|ephemeral-disk|vm)$")
    ]
    cost: Annotated[list[QuotaLineItem], msgspec.Meta(min_length=1, max_length=100)]

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.kind not in set(FlavorKind):
            raise ValueError("Expected `kind` to be vm, ephemeral-disk or persistent-disk")


class Flavor(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    name: str
    kind: FlavorKind
    tags: list[str]
    state: Readiness
    cost: list[QuotaLineItem]
