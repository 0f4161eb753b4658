"""Which groups a VM is a member of: a row for each VM that has any, and none for the others.

Guests carry no groups, so no host can tell them. Schedulers follow these rows.
"""

from __future__ import annotations

import msgspec


class Membership(msgspec.Struct, frozen=True):
    """`id` is the VM's. `host_id` None: it is not placed yet, and its demand tells its groups."""

    id: str
    keys: tuple[str, ...]
    host_id: str | None = None
    generation: int = 0
