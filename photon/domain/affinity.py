"""Where something wants to be, or with whom (contract, 7.4: LocalitySpec)."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AffinityKind(StrEnum):
    VM = "vm"
    DISK = "disk"
    HOST = "host"
    DATASTORE = "datastore"
    DATASTORE_TYPE = "datastoreType"
    PORT_GROUP = "portGroup"
    AVAILABILITY_ZONE = "availabilityZone"


class Affinity(msgspec.Struct, frozen=True, omit_defaults=True):
    """`soft`: only wished for."""

    kind: AffinityKind
    id: str
    soft: bool = False
