"""What lies on datastores, added up from the truth: by host, and of shared ones over all hosts."""

from __future__ import annotations

from collections.abc import Iterable

from photon.agent.drivers.simulated_room import SharedDatastores
from photon.domain.guest import Inventory
from photon.domain.topology import is_shared
from photon.simulation.invariants import Invariant
from photon.workload.broken import Broken


def disks_on(inventory: Inventory) -> dict[str, dict[str, int]]:
    """GiB by datastore, by disk, of one host."""
    found: dict[str, dict[str, int]] = {}
    for guest in inventory.guests:
        for disk in guest.disks:
            if not disk.persistent:
                on = disk.datastore_id or guest.datastore_id
                found.setdefault(on, {})[disk.id] = disk.capacity_gib
    for kept in inventory.disks:
        found.setdefault(kept.datastore_id, {})[kept.disk_id] = kept.capacity_gib
    return found


class SharedSums:
    """Of each shared datastore, what all its hosts have there."""

    def __init__(self) -> None:
        self._capacity_gib: dict[str, int] = {}  # of those that are shared
        self._held_gib: dict[str, dict[str, int]] = {}  # by datastore, by address

    def look(self, address: str, inventory: Inventory) -> None:
        """At a host that changed. Raises Broken."""
        for datastore in inventory.capacity.datastores:
            if is_shared(datastore.type):
                self._capacity_gib[datastore.id] = datastore.capacity_gib
        there = disks_on(inventory)
        for id, capacity_gib in self._capacity_gib.items():
            by_host = self._held_gib.setdefault(id, {})
            before, now = by_host.get(address, 0), sum(there.get(id, {}).values())
            if now == before:
                continue
            by_host[address] = now
            held_gib = sum(by_host.values())
            if now > before and held_gib > capacity_gib:
                text = f"{held_gib} GiB lie on the shared datastore {id}, which has {capacity_gib}"
                raise Broken(Invariant.HELD_WITHIN_CAPACITY, text, inventory.host_id)


def wrong_claims(
    shared: SharedDatastores, hosts: Iterable[tuple[str, Inventory]]
) -> tuple[str, ...]:
    """A host whose claims are not what it has, when all is quiet: a text, and the disks."""
    for address, inventory in hosts:
        there = disks_on(inventory)
        for id in shared.ids():
            claimed, has = shared.of(id).of(address), there.get(id, {})
            if claimed != has:
                text = f"host {address} has claimed {dict(claimed)} of {id}, and has {has}"
                return text, *sorted(claimed.keys() ^ has.keys())
    return ()
