"""What a simulated host's datastores have left, and its claims on those that it shares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from msgspec.structs import replace

from photon.agent.claims import DatastoreClaims, MemoryClaims
from photon.domain.guest import Guest, GuestDisk, HostCapacity, HostDatastore, HostDisk
from photon.domain.topology import is_shared

ByDatastore = dict[str, dict[str, int]]  # GiB by datastore, by disk


class SharedDatastores:
    """The claims on each datastore that hosts share, of one process or of many simulated ones."""

    def __init__(self) -> None:
        self._claims: dict[str, MemoryClaims] = {}

    def of(self, datastore_id: str) -> MemoryClaims:
        return self._claims.setdefault(datastore_id, MemoryClaims())

    def ids(self) -> Iterable[str]:
        return self._claims


class SimulatedRoom:
    """The datastores of one host."""

    __slots__ = ("_address", "_capacity", "_own", "_shared")

    def __init__(self, address: str, capacity: HostCapacity, shared: SharedDatastores) -> None:
        self._address = address
        self._capacity = capacity
        self._shared: dict[str, tuple[DatastoreClaims, int]] = {
            each.id: (shared.of(each.id), each.capacity_gib)
            for each in capacity.datastores
            if is_shared(each.type)
        }
        self._own = len(self._shared) < len(capacity.datastores)

    def find_again(self, guests: Iterable[Guest], disks: Iterable[HostDisk]) -> None:
        """Claims what is there, and drops what an earlier life claimed and did not make."""
        if not self._shared:
            return
        there = _all(guests, disks)
        for id, (claims, _) in self._shared.items():
            claims.keep_only(self._address, there.get(id, {}))

    @contextmanager
    def claimed(self, disks_gib: ByDatastore) -> Iterator[None]:
        """Claims room for what the block makes; gives it back if the block fails. Refusal."""
        taken: list[str] = []
        try:
            for id in disks_gib:
                if id in self._shared:
                    claims, capacity_gib = self._shared[id]
                    claims.take(self._address, disks_gib[id], capacity_gib)
                    taken.append(id)
            yield
        except BaseException:
            for id in taken:
                self._shared[id][0].give(self._address, disks_gib[id])
            raise

    def give_back(self, disks_gib: ByDatastore) -> None:
        for id, gib in disks_gib.items():
            if id in self._shared:
                self._shared[id][0].give(self._address, gib)

    def left(
        self, guests: Iterable[Guest], disks: Iterable[HostDisk], *, full: bool
    ) -> HostCapacity:
        """What is free of each; `full`: somebody else took all of it."""
        there = _sums(guests, disks) if self._own and not full else {}
        stores = [
            replace(each, free_gib=0 if full else self._free_gib(each, there))
            for each in self._capacity.datastores
        ]
        return replace(self._capacity, datastores=tuple(stores))

    def _free_gib(self, store: HostDatastore, there: Mapping[str, int]) -> int:
        if store.id in self._shared:
            taken_gib = self._shared[store.id][0].taken_gib()
        else:
            taken_gib = there.get(store.id, 0)
        return max(0, store.capacity_gib - taken_gib)


def of_guest(disks: Iterable[GuestDisk], datastore_id: str) -> ByDatastore:
    """Its own disks; persistent ones are claimed by themselves."""
    found: ByDatastore = {}
    for disk in disks:
        if not disk.persistent:
            found.setdefault(disk.datastore_id or datastore_id, {})[disk.id] = disk.capacity_gib
    return found


def of_disk(disk: HostDisk) -> ByDatastore:
    return {disk.datastore_id: {disk.disk_id: disk.capacity_gib}}


def _all(guests: Iterable[Guest], disks: Iterable[HostDisk]) -> ByDatastore:
    found: ByDatastore = {}
    for part in (
        *(of_guest(guest.disks, guest.datastore_id) for guest in guests),
        *(of_disk(disk) for disk in disks),
    ):
        for id, gib in part.items():
            found.setdefault(id, {}).update(gib)
    return found


def _sums(guests: Iterable[Guest], disks: Iterable[HostDisk]) -> dict[str, int]:
    """GiB by datastore. It is asked for with each report."""
    sums: dict[str, int] = {}
    for disk in disks:
        sums[disk.datastore_id] = sums.get(disk.datastore_id, 0) + disk.capacity_gib
    for guest in guests:
        for each in guest.disks:
            if not each.persistent:
                there = each.datastore_id or guest.datastore_id
                sums[there] = sums.get(there, 0) + each.capacity_gib
    return sums
