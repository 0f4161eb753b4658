"""Where a new VM should be, as people write it: host:10.0.0.3, zone:rack-1, disk:data-1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

from photon.cli.amounts import parts
from photon.cli.names import resolve
from photon.cli.things import DATASTORE, DISK, ZONE

if TYPE_CHECKING:
    from photon.cli.session import Session
    from photon.wire.v1.affinity import LocalitySpec

# What is written, what the API calls it, and of what a name may be resolved.
KINDS: Final = {
    "disk": ("disk", DISK),
    "datastore": ("datastore", DATASTORE),
    "zone": ("availabilityZone", ZONE),
    "availabilityZone": ("availabilityZone", ZONE),
    "host": ("host", None),
    "datastoreType": ("datastoreType", None),
    "portGroup": ("portGroup", None),
}


def places(session: Session, texts: Iterable[str], *, soft: bool = False) -> list[LocalitySpec]:
    """`texts` as the API takes affinities; names become ids, a host is named by its address."""
    from photon.wire.v1.affinity import LocalitySpec

    found = []
    for part in parts(texts):
        word, colon, name = part.partition(":")
        if not colon or not name or word not in KINDS:
            raise click.BadParameter(
                f"{part!r} is no affinity; write KIND:NAME, where KIND is one of {', '.join(KINDS)}"
            )
        kind, thing = KINDS[word]
        id = name if thing is None else resolve(session, thing, name)
        found.append(LocalitySpec(id, kind, soft))
    return found
