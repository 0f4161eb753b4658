"""A flavor: what a VM or a disk of that sort costs, key by key (contract, 6.3)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from photon.domain.quota import UNIT_FACTOR, Amount, QuotaUnit
from photon.domain.readiness import Readiness

VM_CPU: Final = "vm.cpu"
VM_MEMORY: Final = "vm.memory"
STORAGE_PREFIX: Final = "storage."
_MIB: Final = UNIT_FACTOR[QuotaUnit.MB]


class FlavorKind(StrEnum):
    VM = "vm"
    EPHEMERAL_DISK = "ephemeral-disk"
    PERSISTENT_DISK = "persistent-disk"


class Flavor(msgspec.Struct, frozen=True):
    id: str
    name: str
    kind: FlavorKind
    cost: tuple[Amount, ...]
    state: Readiness = Readiness.READY
    generation: int = 0

    @property
    def cpus(self) -> int:
        """Virtual CPUs of a VM flavor; at least one, since no guest runs on none."""
        return max(1, int(self._base(VM_CPU)))

    @property
    def memory_mib(self) -> int:
        """Memory of a VM flavor in whole MiB, rounded up."""
        return max(1, -int(-self._base(VM_MEMORY) // _MIB))

    @property
    def datastore_tags(self) -> frozenset[str]:
        """The datastore tags that a disk flavor demands: its keys of the form storage.TAG."""
        return frozenset(
            amount.key.removeprefix(STORAGE_PREFIX).upper()
            for amount in self.cost
            if amount.key.startswith(STORAGE_PREFIX)
        )

    def _base(self, key: str) -> float:
        return next((amount.base for amount in self.cost if amount.key == key), 0.0)


def capacity_key(kind: FlavorKind) -> str:
    """The cost key that is derived from a disk's size, never said by a flavor."""
    return f"{kind}.capacity"


def disk_cost(flavor: Flavor, capacity_gib: int) -> tuple[Amount, ...]:
    """What one disk of this flavor and size costs: the flavor's cost and its capacity."""
    return (
        *flavor.cost,
        Amount(capacity_key(flavor.kind), float(capacity_gib), QuotaUnit.GB),
    )
