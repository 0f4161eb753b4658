"""A tenant: who the cloud is divided among. Its quota is kept by the store under its id."""

from __future__ import annotations

import msgspec


class Tenant(msgspec.Struct, frozen=True):
    id: str
    name: str
    security_groups: tuple[str, ...] = ()
    generation: int = 0
