"""Where something wants to be (contract, 2.8: LocalitySpec)."""

from __future__ import annotations

from typing import Annotated

import msgspec

AFFINITIES_MAX = 32  # Each is looked up before the VM is asked for.


class LocalitySpec(msgspec.Struct, omit_defaults=True):
    """`soft` (beyond the contract) only wishes: the VM goes elsewhere rather than nowhere."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    kind: Annotated[
        str,
        msgspec.Meta(
            pattern=r"^(vm|disk|host|datastore|datastoreType|portGroup|availabilityZone)$",
            max_length=32,
        ),
    ]
    soft: bool = False


Affinities = Annotated[list[LocalitySpec], msgspec.Meta(max_length=AFFINITIES_MAX)]
