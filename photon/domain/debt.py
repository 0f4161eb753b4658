"""A debt: what was decided of something on a host that was MISSING, and is yet to be done there.

The owner's side is over: the VM is deleted, its quota given back. The host pays before it takes
anything new; until then its agent still holds what it owes.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DebtKind(StrEnum):
    VM = "VM"  # delete the guest `thing_id`
    DISK = "DISK"  # delete the disk `thing_id`
    DETACH = "DETACH"  # detach the disk `thing_id` from the guest `vm_id`
    HOST = "HOST"  # the host was removed: delete what is left of it, and let its agent forget us


class Debt(msgspec.Struct, frozen=True):
    id: str
    host_id: str
    host_address: str
    agent_endpoint: str
    kind: DebtKind
    thing_id: str
    at_ms: int
    vm_id: str | None = None
    generation: int = 0
