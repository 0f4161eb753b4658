"""What a simulated host's datastores have left."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from photon.domain.guest import Guest, HostCapacity, HostDisk


def left(
    capacity: HostCapacity, guests: Iterable[Guest], disks: Iterable[HostDisk], *, full: bool
) -> HostCapacity:
    """`capacity` with what these leave free of each datastore; `full`: somebody else took it."""
    held_gib: dict[str, int] = {}
    for disk in disks:
        held_gib[disk.datastore_id] = held_gib.get(disk.datastore_id, 0) + disk.capacity_gib
    for guest in guests:
        for each in guest.disks:
            if not each.persistent:
                there = each.datastore_id or guest.datastore_id
                held_gib[there] = held_gib.get(there, 0) + each.capacity_gib
    datastores = [
        replace(each, free_gib=max(0, each.capacity_gib - held_gib.get(each.id, 0)))
        for each in capacity.datastores
    ]
    if full:
        datastores = [replace(each, free_gib=0) for each in datastores]
    return replace(capacity, datastores=tuple(datastores))
