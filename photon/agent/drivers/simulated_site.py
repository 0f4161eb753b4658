"""What all simulated hosts of one process share: their shape, how slow they are, how they fail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from photon.agent.drivers.simulated_room import SharedDatastores
from photon.agent.journal import Journal, NullJournal
from photon.domain.guest import HostCapacity, HostDatastore
from photon.outside.clock import Clock

SHARED_DATASTORE = "sim-datastore"


@dataclass(frozen=True, slots=True)
class Latencies:
    """How long each operation takes, in seconds."""

    create_vm: float = 0.0
    delete_vm: float = 0.0
    start: float = 0.0
    stop: float = 0.0
    restart: float = 0.0
    suspend: float = 0.0
    resume: float = 0.0
    create_disk: float = 0.0
    delete_disk: float = 0.0
    attach_disk: float = 0.0
    detach_disk: float = 0.0
    fetch_image: float = 0.0
    capture: float = 0.0


@dataclass(slots=True)
class Faults:
    """What goes wrong on one host; switch on and off at any time."""

    creates_to_fail: int = 0  # so many of the next create_vm end with DRIVER_FAILED
    fetches_to_fail: int = 0  # so many of the next fetch_image end with IMAGE_UNAVAILABLE
    attach_refused: bool = False  # attach_disk ends with DRIVER_FAILED
    attach_breaks: bool = False  # as well, but only when the disk is attached
    power_refused: bool = False  # power ends with DRIVER_FAILED
    datastore_full: bool = False  # no GiB is free, as when somebody else filled the datastore


@dataclass(frozen=True, slots=True)
class HostShape:
    """The hardware of one simulated host, before overcommit."""

    cpus: int = 64
    memory_mib: int = 256 << 10
    datastore_gib: int = 4096
    networks: tuple[str, ...] = ("VM Network",)
    datastore_shared: bool = True  # else each host has its own, `<address>-datastore`


@dataclass(frozen=True, slots=True)
class SimulatedSite:
    """The surroundings of simulated hosts. `equipment` has, by address, what hosts have that are
    not of the common `shape`: any number of datastores, at least one. `shared` has the claims on
    those that hosts share: whoever shares them shares it."""

    clock: Clock
    shape: HostShape = field(default_factory=HostShape)
    latencies: Latencies = field(default_factory=Latencies)
    journal: Journal = field(default_factory=NullJournal)
    captures: Path | None = None  # where captured images go; None: capture is refused
    equipment: Mapping[str, HostCapacity] = field(default_factory=dict)
    shared: SharedDatastores = field(default_factory=SharedDatastores)

    def capacity_of(self, address: str) -> HostCapacity:
        """What a host at this address has while nothing is on it."""
        if (own := self.equipment.get(address)) is not None:
            return own
        shape = self.shape
        name = SHARED_DATASTORE if shape.datastore_shared else f"{address}-datastore"
        datastore = HostDatastore(
            id=name,
            name=name,
            type="SHARED_VMFS" if shape.datastore_shared else "LOCAL_VMFS",
            tags=frozenset({SHARED_DATASTORE}),
            capacity_gib=shape.datastore_gib,
            free_gib=shape.datastore_gib,
        )
        return HostCapacity(shape.cpus, shape.memory_mib, (datastore,), shape.networks, "simulated")


def addresses_of(hosts: int, first: int = 1) -> tuple[str, ...]:
    """`sim-00001` and so on: the addresses under which a process offers its hosts."""
    return tuple([f"sim-{number:05}" for number in range(first, first + hosts)])
