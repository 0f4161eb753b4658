"""Why a VM is where it is. Beyond the contract."""

from __future__ import annotations

import msgspec


class PlacementLevel(msgspec.Struct, rename="camel"):
    """How one node of the scheduler tree chose: of `seen` children (hosts, at a leaf) `fitting` met
    all that does not depend on room, and the `asked`th that was asked took the VM."""

    chosen: str
    seen: int
    fitting: int
    asked: int
    score: float
    parts: dict[str, float]


class VmPlacement(msgspec.Struct, rename="camel"):
    """`levels` goes from the root to the leaf; `refusals` are the hosts that did not take it."""

    vm_id: str
    host: str
    datastore: str
    score: float
    levels: list[PlacementLevel]
    refusals: list[str]
