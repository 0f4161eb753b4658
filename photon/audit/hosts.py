"""What hosts hold, against what the store says of them.

A row is judged only if it was the same, and not locked, before the host was asked and after.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from photon.audit.looks import InventoryOf, by_id, rows_of
from photon.domain.audit import Rule, Violation
from photon.domain.datastore import Datastore
from photon.domain.disk import DiskState, PersistentDisk
from photon.domain.guest import Inventory
from photon.domain.host import Host
from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT
from photon.domain.placement import DATASTORE_OVERCOMMIT
from photon.domain.vm import STATE_OF_GUEST, Vm, VmState
from photon.store.nouns import DEBTS, DISKS, HOST_DATASTORES, HOSTS, VMS
from photon.store.protocol import CloudStore

HOSTS_AT_ONCE_MAX: Final = 16  # Each call is milliseconds of an agent; other calls go on meanwhile.
_LOCAL: Final = "LOCAL"  # Types of datastores that one host alone reaches begin so.


@dataclass(frozen=True, slots=True)
class _Seen:
    """One host: its inventory, and the rows that did not change while it was taken."""

    host: Host
    inventory: Inventory
    vms: dict[str, Vm]  # of its guests, and those that are said to be here; as they are now
    steady: frozenset[str]  # VMs and disks to be judged
    disks: dict[str, PersistentDisk]
    owed: frozenset[str]  # what a missing host is to do yet


class HostChecks:
    """`silent` are the hosts that gave no inventory when they were last asked."""

    def __init__(self, store: CloudStore, inventory_of: InventoryOf) -> None:
        self._store = store
        self._inventory_of = inventory_of
        self._turns = asyncio.Semaphore(HOSTS_AT_ONCE_MAX)
        self.silent: set[str] = set()

    async def hosts(self, hosts: Sequence[Host]) -> list[Violation]:
        provisioned = [host for host in hosts if host.provisioned]
        found = await asyncio.gather(*(self._host(host) for host in provisioned))
        return [violation for each in found for violation in each]

    async def shared_datastores(self, datastores: Sequence[Datastore]) -> list[Violation]:
        """Those that several hosts reach; each disk counts once, whoever tells of it."""
        found: list[Violation] = []
        for datastore in datastores:
            if not datastore.type.startswith(_LOCAL):
                found += await self._shared(datastore.id)
        return found

    async def _asked(self, host: Host) -> Inventory | None:
        async with self._turns:
            inventory = await self._inventory_of(host)
        (self.silent.add if inventory is None else self.silent.discard)(host.id)
        return inventory

    async def _shared(self, datastore_id: str) -> list[Violation]:
        reach = await rows_of(self._store, HOST_DATASTORES, {"datastore_id": datastore_id})
        hosts = await by_id(self._store, HOSTS, [row.host_id for row in reach])
        ours = [host for host in hosts.values() if host.provisioned]
        capacity_gib = 0
        disks_gib: dict[str, int] = {}
        for start in range(0, len(ours), HOSTS_AT_ONCE_MAX):
            some = ours[start : start + HOSTS_AT_ONCE_MAX]
            for inventory in await asyncio.gather(*(self._asked(host) for host in some)):
                if inventory is not None:
                    disks_gib |= _disks_gib(inventory).get(datastore_id, {})
                    for each in inventory.capacity.datastores:
                        if each.id == datastore_id:
                            capacity_gib = max(capacity_gib, each.capacity_gib)
        limit, held = capacity_gib * DATASTORE_OVERCOMMIT, sum(disks_gib.values())
        return [_over(datastore_id, held, limit, "GiB", datastore_id)] if held > limit else []

    async def _host(self, host: Host) -> list[Violation]:
        seen = await self._seen(host)
        if seen is None:
            return []
        found = [*_capacity(seen.inventory), *_states(seen), *_kept(seen)]
        for guest in seen.inventory.guests:
            found += await self._stray(seen, guest.vm_id)
        return found

    async def _seen(self, host: Host) -> _Seen | None:
        vms = {vm.id: vm for vm in await rows_of(self._store, VMS, {"host_id": host.id})}
        disks = {disk.id: disk for disk in await rows_of(self._store, DISKS, {"host_id": host.id})}
        inventory = await self._asked(host)
        if inventory is None:
            return None
        vm_ids = {*vms, *(guest.vm_id for guest in inventory.guests)}
        disk_ids = {*disks, *(disk.disk_id for disk in inventory.disks)}
        vms_now = await by_id(self._store, VMS, sorted(vm_ids))
        disks_now = await by_id(self._store, DISKS, sorted(disk_ids))
        debts = await rows_of(self._store, DEBTS, {"host_id": host.id})
        same = {id for id, vm in vms_now.items() if _same(vms.get(id), vm)}
        same |= {id for id, disk in disks_now.items() if _same(disks.get(id), disk)}
        return _Seen(
            host,
            inventory,
            vms_now,
            frozenset(same),
            disks_now,
            frozenset(id for debt in debts for id in (debt.thing_id, debt.vm_id) if id),
        )

    async def _stray(self, seen: _Seen, vm_id: str) -> list[Violation]:
        """A guest whose VM is nowhere, or elsewhere; in which case it may be there too."""
        vm = seen.vms.get(vm_id)
        here = seen.host.id
        if vm_id in seen.owed or (vm is not None and (vm.task_id or vm.host_id == here)):
            return []
        text = f"the guest {vm_id} on host {seen.host.address} ({here}) belongs to no VM there"
        found = [Violation(Rule.GUEST_HAS_VM, vm_id, text, here)]
        elsewhere = await self._store.find(HOSTS, vm.host_id) if vm and vm.host_id else None
        if elsewhere is not None and elsewhere.provisioned:
            inventory = await self._asked(elsewhere)
            if inventory and any(guest.vm_id == vm_id for guest in inventory.guests):
                text = f"VM {vm_id} has guests on {seen.host.address} and {elsewhere.address}"
                found.append(Violation(Rule.ONE_HOST, vm_id, text, here))
        return found


def _same(before: Vm | PersistentDisk | None, now: Vm | PersistentDisk) -> bool:
    return before is not None and before.generation == now.generation and now.task_id is None


def _capacity(inventory: Inventory) -> Iterator[Violation]:
    capacity, guests, id = inventory.capacity, inventory.guests, inventory.host_id
    cpus = capacity.cpus * (capacity.cpu_overcommit or CPU_OVERCOMMIT)
    memory_mib = capacity.memory_mib * (capacity.memory_overcommit or MEMORY_OVERCOMMIT)
    limits = (
        ("vCPUs", sum(guest.cpus for guest in guests), cpus),
        ("MiB", sum(guest.memory_mib for guest in guests), memory_mib),
    )
    for unit, held, limit in limits:
        if held > limit:
            yield _over(id, held, limit, unit, id)
    disks_gib = _disks_gib(inventory)
    for datastore in capacity.datastores:
        held = sum(disks_gib.get(datastore.id, {}).values())
        limit = datastore.capacity_gib * DATASTORE_OVERCOMMIT
        if datastore.type.startswith(_LOCAL) and held > limit:
            yield _over(datastore.id, held, limit, "GiB", id)


def _disks_gib(inventory: Inventory) -> dict[str, dict[str, int]]:
    """By datastore, each disk once."""
    found: dict[str, dict[str, int]] = {}
    for guest in inventory.guests:
        for disk in guest.disks:
            if not disk.persistent:
                on = disk.datastore_id or guest.datastore_id
                found.setdefault(on, {})[disk.id] = disk.capacity_gib
    for kept in inventory.disks:
        found.setdefault(kept.datastore_id, {})[kept.disk_id] = kept.capacity_gib
    return found


def _over(id: str, held: int, limit: float, unit: str, subject: str) -> Violation:
    text = f"{id} holds {held} {unit} and has {limit:g}"
    return Violation(Rule.HELD_WITHIN_CAPACITY, id, text, subject)


def _states(seen: _Seen) -> Iterator[Violation]:
    guests = {guest.vm_id: guest for guest in seen.inventory.guests}
    here = seen.host.id
    for vm in seen.vms.values():
        if vm.id not in seen.steady or vm.id in seen.owed or vm.host_id != here:
            continue
        guest = guests.get(vm.id)
        if guest is None:
            if vm.state is not VmState.ERROR:
                text = f"VM {vm.id} is {vm.state} and has no guest on its host {seen.host.address}"
                yield Violation(Rule.VM_HAS_GUEST, vm.id, text, here)
            continue
        if STATE_OF_GUEST[guest.state] is not vm.state:
            text = f"VM {vm.id} is {vm.state}, and its guest {guest.state.name}"
            yield Violation(Rule.STATES_AGREE, vm.id, text, here)
        stored = {disk.id for disk in vm.persistent_disks}
        real = {disk.id for disk in guest.disks if disk.persistent}
        if stored != real:
            text = f"VM {vm.id} has the disks {sorted(stored)}, and its guest {sorted(real)}"
            yield Violation(Rule.ATTACHMENTS_AGREE, vm.id, text, here)


def _kept(seen: _Seen) -> Iterator[Violation]:
    here, where = seen.host.id, f"host {seen.host.address} ({seen.host.id})"
    kept = {disk.disk_id for disk in seen.inventory.disks}
    for id in sorted(kept - seen.disks.keys() - seen.owed):
        yield Violation(Rule.DISK_HAS_ROW, id, f"the disk {id} on {where} is nobody's", here)
    for disk in seen.disks.values():
        if disk.id in seen.steady and disk.id not in kept and disk.state is not DiskState.ERROR:
            text = f"disk {disk.id} is {disk.state} and not on its {where}"
            yield Violation(Rule.DISK_IS_THERE, disk.id, text, here)
