"""What a host has promised: the sums by which it takes a guest or a disk, or says why not.

A guest holds its processors and memory whether it runs or not, and a disk its whole size whether
it is full or not: so a guest that was taken can always be started, and a disk always be filled.
"""

from __future__ import annotations

import msgspec

from photon.domain.guest import (
    AgentRefusal,
    Guest,
    GuestDisk,
    GuestSpec,
    HostCapacity,
    HostDatastore,
    HostDisk,
    Refusal,
)


class Claim(msgspec.Struct, frozen=True):
    """What one guest or disk holds: processors, MiB, and GiB by datastore."""

    cpus: int = 0
    memory_mib: int = 0
    disks_gib: tuple[tuple[str, int], ...] = ()

    @property
    def gib_by_datastore(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for datastore_id, gib in self.disks_gib:
            sums[datastore_id] = sums.get(datastore_id, 0) + gib
        return sums


def claim_of_guest(guest: Guest | GuestSpec) -> Claim:
    """Persistent disks are claims of their own, attached or not."""
    return Claim(
        guest.cpus,
        guest.memory_mib,
        tuple(
            [
                (disk.datastore_id or guest.datastore_id, disk.capacity_gib)
                for disk in guest.disks
                if not disk.persistent
            ]
        ),
    )


def claim_of_disk(disk: GuestDisk | HostDisk) -> Claim:
    return Claim(disks_gib=((disk.datastore_id, disk.capacity_gib),))


class Books:
    """One host's sums. `held` never exceeds the limits by what was admitted here."""

    __slots__ = ("_capacity", "_cpus_max", "_gib_held", "_gib_max", "_memory_mib_max", "held")

    def __init__(self, capacity: HostCapacity) -> None:
        self.held = Claim()
        self._gib_held: dict[str, int] = {}
        self.set_capacity(capacity)

    def set_capacity(self, capacity: HostCapacity) -> None:
        """What the host has now; `set_terms` must follow if there are any."""
        self._capacity = capacity
        self.set_terms(cpu_overcommit=1.0, memory_overcommit=1.0, allowed=())

    def set_terms(
        self, *, cpu_overcommit: float, memory_overcommit: float, allowed: tuple[str, ...]
    ) -> None:
        """`allowed` names datastores by id or name; empty allows all."""
        self._cpus_max = int(self._capacity.cpus * cpu_overcommit)
        self._memory_mib_max = int(self._capacity.memory_mib * memory_overcommit)
        self._gib_max = {
            store.id: store.capacity_gib
            for store in self._capacity.datastores
            if not allowed or store.id in allowed or store.name in allowed
        }

    def admit(self, claim: Claim) -> None:
        """Holds the claim; or holds nothing: Refusal NOT_ENOUGH_..., DATASTORE_NOT_FOUND."""
        _check(AgentRefusal.NOT_ENOUGH_CPU, "CPUs", claim.cpus, self._cpus_max - self.held.cpus)
        _check(
            AgentRefusal.NOT_ENOUGH_MEMORY,
            "MiB of memory",
            claim.memory_mib,
            self._memory_mib_max - self.held.memory_mib,
        )
        for datastore_id, gib in claim.gib_by_datastore.items():
            self.check_datastore(datastore_id)
            free_gib = self._free_gib(datastore_id)
            _check(AgentRefusal.NOT_ENOUGH_DATASTORE, f"GiB on {datastore_id}", gib, free_gib)
        self.hold(claim)

    def check_datastore(self, datastore_id: str) -> None:
        if datastore_id not in self._gib_max:
            message = f"This host has no datastore {datastore_id!r} that may be used."
            raise Refusal(AgentRefusal.DATASTORE_NOT_FOUND, message, datastore=datastore_id)

    def hold(self, claim: Claim) -> None:
        """Holds what exists already, whatever the limits say."""
        self._add(claim, 1)

    def release(self, claim: Claim) -> None:
        self._add(claim, -1)
        assert self.held.cpus >= 0, "more was released than was held"
        assert self.held.memory_mib >= 0, "more was released than was held"

    def usable(self, datastores: tuple[HostDatastore, ...]) -> tuple[HostDatastore, ...]:
        """The allowed ones, free of what is promised as well as of what is written."""
        return tuple(
            [
                msgspec.structs.replace(
                    store, free_gib=max(0, min(store.free_gib, self._free_gib(store.id)))
                )
                for store in datastores
                if store.id in self._gib_max
            ]
        )

    def _free_gib(self, datastore_id: str) -> int:
        return self._gib_max[datastore_id] - self._gib_held.get(datastore_id, 0)

    def _add(self, claim: Claim, sign: int) -> None:
        held = self.held
        self.held = Claim(held.cpus + sign * claim.cpus, held.memory_mib + sign * claim.memory_mib)
        for datastore_id, gib in claim.disks_gib:
            self._gib_held[datastore_id] = self._gib_held.get(datastore_id, 0) + sign * gib


def _check(code: AgentRefusal, what: str, wanted: int, free: int) -> None:
    if wanted > free:
        message = f"{wanted} {what} are wanted, and this host has {max(0, free)} left."
        raise Refusal(code, message, wanted=wanted, free=max(0, free))
