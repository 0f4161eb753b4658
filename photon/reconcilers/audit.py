"""What must always be true of the store and its hosts, checked again from nothing.

For tests, for simulation, and for an operator who asks. It changes nothing and repairs nothing: a
duty does that. The store is read in pages and the inventories were taken at another moment, so
what a task works on is left out, and on a busy system a violation counts when two audits find it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from photon.domain.disk import DiskState, PersistentDisk
from photon.domain.guest import Inventory
from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT
from photon.domain.placement import DATASTORE_OVERCOMMIT
from photon.domain.quota import Amount, total
from photon.domain.task import Task
from photon.domain.vm import STATE_OF_GUEST, Vm, VmState, all_costs
from photon.store.nouns import (
    DEBTS,
    DISKS,
    EPHEMERAL_DISKS,
    HOSTS,
    IMAGES,
    MEMBERS,
    NICS,
    PROJECTS,
    TASKS,
    TENANTS,
    VMS,
)
from photon.store.protocol import CloudStore, E, Noun, QuotaRow

PAGE: Final = 500  # As many as the store gives at once: an audit reads everything.
_LOCKED: Final[tuple[Noun[Any], ...]] = (VMS, DISKS, HOSTS, IMAGES)


class Rule(StrEnum):
    """The invariants, each by the name under which its violation is reported."""

    HELD_WITHIN_CAPACITY = "HELD_WITHIN_CAPACITY"
    ONE_HOST = "ONE_HOST"  # a guest is on one host at most
    VM_HAS_GUEST = "VM_HAS_GUEST"
    GUEST_HAS_VM = "GUEST_HAS_VM"
    STATES_AGREE = "STATES_AGREE"  # of a VM and its guest
    DISK_IS_THERE = "DISK_IS_THERE"
    DISK_HAS_ROW = "DISK_HAS_ROW"
    ATTACHMENTS_AGREE = "ATTACHMENTS_AGREE"  # VM, disk and host say the same
    QUOTA_ADDS_UP = "QUOTA_ADDS_UP"
    LOCK_HAS_TASK = "LOCK_HAS_TASK"  # a live one
    TASK_HAS_OWNER = "TASK_HAS_OWNER"  # a listed controller, until it ends
    PARTS_HAVE_VM = "PARTS_HAVE_VM"  # network cards and ephemeral disks


class Violation(msgspec.Struct, frozen=True):
    rule: Rule
    id: str  # of what is wrong
    text: str


@dataclass(frozen=True, slots=True)
class _Seen:
    """The store's rows as they were read, and what each host said."""

    vms: dict[str, Vm]
    disks: dict[str, PersistentDisk]
    inventories: dict[str, Inventory]
    owed: frozenset[str]  # VMs and disks with which missing hosts still have something to do


async def audit(store: CloudStore, inventories: Iterable[Inventory]) -> list[Violation]:
    """Every violation found; hosts of which no inventory is given are not judged."""
    seen = _Seen(
        {vm.id: vm async for vm in _all(store, VMS)},
        {disk.id: disk async for disk in _all(store, DISKS)},
        {inventory.host_id: inventory for inventory in inventories},
        frozenset(
            [id async for debt in _all(store, DEBTS) for id in (debt.thing_id, debt.vm_id) if id]
        ),
    )
    found = [
        *_capacities(seen.inventories.values()),
        *_one_host(seen.inventories.values()),
        *_guests(seen),
        *_disks(seen),
    ]
    found += [violation async for violation in _quotas(store, seen)]
    found += [violation async for violation in _locks(store)]
    found += [violation async for violation in _owners(store)]
    found += [violation async for violation in _parts(store, seen)]
    return found


async def _all(store: CloudStore, noun: Noun[E]) -> AsyncIterator[E]:
    after: str | None = None
    while True:
        page = await store.page(noun, {}, limit=PAGE, after=after)
        for entity in page.items:
            yield entity
        if not page.more:
            return
        after = page.items[-1].id


def _capacities(inventories: Iterable[Inventory]) -> Iterator[Violation]:
    capacity_gib: dict[str, int] = {}
    disks_gib: dict[str, dict[str, int]] = {}  # by datastore, each disk once
    for host in inventories:
        capacity = host.capacity
        cpus = capacity.cpus * (capacity.cpu_overcommit or CPU_OVERCOMMIT)
        memory_mib = capacity.memory_mib * (capacity.memory_overcommit or MEMORY_OVERCOMMIT)
        limits = (
            ("vCPUs", sum(g.cpus for g in host.guests), cpus),
            ("MiB", sum(g.memory_mib for g in host.guests), memory_mib),
        )
        for unit, held, limit in limits:
            if held > limit:
                yield _over(host.host_id, held, limit, unit)
        for datastore in host.capacity.datastores:
            capacity_gib[datastore.id] = datastore.capacity_gib
        for guest in host.guests:
            for disk in guest.disks:
                if not disk.persistent:
                    on = disk.datastore_id or guest.datastore_id
                    disks_gib.setdefault(on, {})[disk.id] = disk.capacity_gib
        for kept in host.disks:
            disks_gib.setdefault(kept.datastore_id, {})[kept.disk_id] = kept.capacity_gib
    for datastore_id, disks in disks_gib.items():
        limit = capacity_gib.get(datastore_id, 0) * DATASTORE_OVERCOMMIT
        if sum(disks.values()) > limit:
            yield _over(datastore_id, sum(disks.values()), limit, "GiB")


def _over(id: str, held: int, limit: float, unit: str) -> Violation:
    text = f"{id} holds {held} {unit} and has {limit:g}"
    return Violation(Rule.HELD_WITHIN_CAPACITY, id, text)


def _one_host(inventories: Iterable[Inventory]) -> Iterator[Violation]:
    hosts = Counter(guest.vm_id for host in inventories for guest in host.guests)
    for vm_id, count in hosts.items():
        if count > 1:
            yield Violation(Rule.ONE_HOST, vm_id, f"VM {vm_id} has guests on {count} hosts")


def _guests(seen: _Seen) -> Iterator[Violation]:
    for host in seen.inventories.values():
        for guest in host.guests:
            vm = seen.vms.get(guest.vm_id)
            if guest.vm_id in seen.owed:
                continue
            if vm is None or (vm.task_id is None and vm.host_id != host.host_id):
                text = f"the guest {guest.vm_id} on host {host.host_id} belongs to no VM there"
                yield Violation(Rule.GUEST_HAS_VM, guest.vm_id, text)
    for vm in seen.vms.values():
        if vm.task_id is not None or vm.host_id not in seen.inventories or vm.id in seen.owed:
            continue
        guests = {guest.vm_id: guest for guest in seen.inventories[vm.host_id].guests}
        found = guests.get(vm.id)
        if found is None:
            if vm.state is not VmState.ERROR:
                text = f"VM {vm.id} is {vm.state} and has no guest on its host {vm.host_id}"
                yield Violation(Rule.VM_HAS_GUEST, vm.id, text)
            continue
        if STATE_OF_GUEST[found.state] is not vm.state:
            text = f"VM {vm.id} is {vm.state}, and its guest {found.state.name}"
            yield Violation(Rule.STATES_AGREE, vm.id, text)
        yield from _attachments(
            vm.id,
            stored={disk.id for disk in vm.persistent_disks},
            real={disk.id for disk in found.disks if disk.persistent},
        )


def _attachments(vm_id: str, *, stored: set[str], real: set[str]) -> Iterator[Violation]:
    if stored != real:
        text = f"VM {vm_id} has the disks {sorted(stored)}, and its guest {sorted(real)}"
        yield Violation(Rule.ATTACHMENTS_AGREE, vm_id, text)


def _disks(seen: _Seen) -> Iterator[Violation]:
    there: dict[str, str] = {}
    for host in seen.inventories.values():
        for kept in host.disks:
            there[kept.disk_id] = host.host_id
            if kept.disk_id not in seen.disks and kept.disk_id not in seen.owed:
                text = f"the disk {kept.disk_id} on host {host.host_id} is nobody's"
                yield Violation(Rule.DISK_HAS_ROW, kept.disk_id, text)
    for disk in seen.disks.values():
        if disk.task_id is not None:
            continue
        lost = disk.host_id in seen.inventories and disk.id not in there
        if lost and disk.state is not DiskState.ERROR:
            text = f"disk {disk.id} is {disk.state} and not on its host {disk.host_id}"
            yield Violation(Rule.DISK_IS_THERE, disk.id, text)
        vm = seen.vms.get(disk.vm_id or "")
        attached = vm is not None and disk.id in {each.id for each in vm.persistent_disks}
        if attached != (disk.vm_id is not None):
            text = f"disk {disk.id} says that it is attached to VM {disk.vm_id}, which has it not"
            yield Violation(Rule.ATTACHMENTS_AGREE, disk.id, text)


async def _quotas(store: CloudStore, seen: _Seen) -> AsyncIterator[Violation]:
    """A project uses what exists in it; a tenant uses what its projects may use."""
    costs: dict[str, list[tuple[Amount, ...]]] = {}
    for vm in seen.vms.values():
        costs.setdefault(vm.project_id, []).extend(all_costs(vm))
    for disk in seen.disks.values():
        costs.setdefault(disk.project_id, []).append(disk.cost)
    granted: dict[str, Counter[str]] = {}
    async for project in _all(store, PROJECTS):
        rows = await store.quota(project.id)
        exists = {each.key: each.base for each in total(costs.get(project.id, ()))}
        for violation in _usages(project.id, rows, exists):
            yield violation
        limits = granted.setdefault(project.tenant_id, Counter())
        for row in rows:
            if row.limit is not None:
                limits[row.key] += row.limit  # type: ignore[assignment] # a Counter adds floats too
    async for tenant in _all(store, TENANTS):
        rows = await store.quota(tenant.id)
        for violation in _usages(tenant.id, rows, dict(granted.get(tenant.id, {}))):
            yield violation


def _usages(
    owner_id: str, rows: Sequence[QuotaRow], exists: dict[str, float]
) -> Iterator[Violation]:
    used = {row.key: row.usage for row in rows}
    for key in sorted({*used, *exists}):
        if round(used.get(key, 0.0) - exists.get(key, 0.0), 3):
            text = f"{owner_id} uses {exists.get(key, 0.0):g} {key}, not {used.get(key, 0.0):g}"
            yield Violation(Rule.QUOTA_ADDS_UP, owner_id, text)


async def _locks(store: CloudStore) -> AsyncIterator[Violation]:
    for noun in _LOCKED:
        async for entity in _all(store, noun):
            if entity.task_id is None:
                continue
            task: Task | None = await store.find(TASKS, entity.task_id)
            if task is None or task.ended:
                text = f"{noun.name} {entity.id} is locked by task {entity.task_id}, which is over"
                yield Violation(Rule.LOCK_HAS_TASK, entity.id, text)


async def _owners(store: CloudStore) -> AsyncIterator[Violation]:
    living = {member.id async for member in _all(store, MEMBERS)}
    async for task in _all(store, TASKS):
        if task.ended == (task.owner in living):
            text = f"task {task.id} is {task.state} and its owner is {task.owner}"
            yield Violation(Rule.TASK_HAS_OWNER, task.id, text)


async def _parts(store: CloudStore, seen: _Seen) -> AsyncIterator[Violation]:
    named = {id for vm in seen.vms.values() for id in vm.nic_ids}
    named |= {disk.id for vm in seen.vms.values() for disk in vm.ephemeral_disks}
    found = {card.id async for card in _all(store, NICS)}
    found |= {disk.id async for disk in _all(store, EPHEMERAL_DISKS)}
    for id in sorted(named ^ found):
        yield Violation(Rule.PARTS_HAVE_VM, id, f"{id} is named by a VM or stored, but not both")
