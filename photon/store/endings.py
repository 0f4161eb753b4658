"""The write with which a thing ends."""

from __future__ import annotations

from photon.domain.kinds import EntityKind
from photon.domain.task import Tombstone
from photon.store.nouns import TOMBSTONES
from photon.store.protocol import Insert, Write


def tombstone(kind: EntityKind, id: str, at_ms: int, within: str | None = None) -> Write:
    """Says that it was: its tasks stay readable for a day, then the sweeper removes them.

    `within` is the project or tenant that it was in: those who watch it hear of the end.
    """
    return Insert(TOMBSTONES, Tombstone(id, kind, at_ms, within=within))
