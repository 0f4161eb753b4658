"""Builders of small clouds, and a clock that a test turns."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from photon.domain.demand import Demand, DiskDemand, NoPlacement, Placement
from photon.domain.guest import (
    Guest,
    GuestDisk,
    GuestState,
    HostCapacity,
    HostDatastore,
    HostDisk,
    HostMode,
    Inventory,
)
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.scheduler.leaf import Leaf

T = TypeVar("T")


class TurnedClock:
    """Stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def turn(self, seconds: float) -> None:
        self.seconds += seconds

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.turn(seconds)


def at_once(call: Coroutine[Any, Any, T]) -> T:
    """Runs a call that does not wait."""
    try:
        call.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise AssertionError("a leaf and a root over leaves never wait")


def a_datastore(
    id: str = "ds-1",
    gib: int = 100,
    *,
    type: str = "LOCAL_VMFS",
    tags: Iterable[str] = (),
) -> HostDatastore:
    return HostDatastore(id, id, type, frozenset(tags), gib, gib)


def a_view(
    id: str = "h1",
    *,
    state: HostState = HostState.READY,
    usage: Iterable[UsageTag] = (UsageTag.CLOUD,),
    zone_id: str | None = None,
    cpu_overcommit: float = 16.0,
    memory_overcommit: float = 1.0,
) -> HostView:
    return HostView(
        id=id,
        address=f"{id}.example",
        agent_endpoint=f"{id}.example:8835",
        state=state,
        usage_tags=frozenset(usage),
        zone_id=zone_id,
        cpu_overcommit=cpu_overcommit,
        memory_overcommit=memory_overcommit,
    )


def an_inventory(
    id: str = "h1",
    *,
    generation: int = 1,
    mode: HostMode = HostMode.NORMAL,
    cpus: int = 4,
    memory_mib: int = 8192,
    datastores: Iterable[HostDatastore] | None = None,
    networks: Iterable[str] = ("net-1",),
    guests: Iterable[Guest] = (),
    disks: Iterable[HostDisk] = (),
    images: Iterable[str] = (),
) -> Inventory:
    reached = (a_datastore(f"ds-{id}"),) if datastores is None else tuple(datastores)
    return Inventory(
        host_id=id,
        generation=generation,
        mode=mode,
        capacity=HostCapacity(cpus, memory_mib, reached, tuple(networks), "test"),
        guests=tuple(guests),
        disks=tuple(disks),
        image_checksums=tuple(images),
    )


def a_guest(
    id: str, *, cpus: int = 1, memory_mib: int = 1024, datastore_id: str = "ds-h1", gib: int = 10
) -> Guest:
    disks = (GuestDisk(f"{id}-disk", gib, boot=True),) if gib else ()
    return Guest(id, id, GuestState.STOPPED, cpus, memory_mib, datastore_id, disks)


def a_demand(
    id: str = "vm-1",
    *,
    cpus: int = 1,
    memory_mib: int = 1024,
    gib: int = 10,
    tags: Iterable[str] = (),
    **more: Any,
) -> Demand:
    disks = (DiskDemand(f"{id}-disk", gib, frozenset(tags)),) if gib else ()
    return Demand(id, cpus, memory_mib, more.pop("disks", disks), **more)


def a_leaf(*inventories: Inventory, clock: TurnedClock | None = None) -> Leaf:
    """A leaf with these hosts, each as `a_view` makes it."""
    leaf = Leaf(clock or TurnedClock())
    for inventory in inventories:
        leaf.put_host(a_view(inventory.host_id))
        assert leaf.report(inventory)
    return leaf


def placed(answer: Placement | NoPlacement) -> Placement:
    assert isinstance(answer, Placement), answer
    return answer


def refused(answer: Placement | NoPlacement) -> NoPlacement:
    assert isinstance(answer, NoPlacement), answer
    return answer
