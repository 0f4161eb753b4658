"""A guest or disk on a host that belongs to no VM or disk there. Removed after a time of grace."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.kinds import EntityKind

# A backup of the store that was put back knows nothing of the newest VMs: so long an operator has
# to notice. Rows are written before their guests are made, so all else is sure at first sight.
ORPHAN_GRACE_SECONDS: Final = 300.0


class Orphan(msgspec.Struct, frozen=True):
    """`thing_id` is the guest's or the disk's; the host may not be the only one that has it."""

    id: str
    host_id: str
    host_address: str
    kind: EntityKind
    thing_id: str
    why: str
    since_ms: int
    generation: int = 0

    @staticmethod
    def id_of(host_id: str, thing_id: str) -> str:
        return f"{host_id}/{thing_id}"
