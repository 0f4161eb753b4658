"""What agents say, written into the books. A host's word is the truth about what it has."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from photon.domain.guest import Guest, HostCapacity, HostDisk, HostReport, Inventory
from photon.scheduler.books import DiskHeld, HostBook
from photon.scheduler.holds import Holds
from photon.scheduler.ledger import Ledger


def take_report(ledger: Ledger, holds: Holds, host: HostBook, report: HostReport) -> bool:
    """False when it is older than what the host said before: then it changes nothing.

    A full one is never old: an agent that lost its count begins again with all that it has.
    """
    if not report.full and report.generation < host.generation:
        return False
    ledger.reach(host, report.datastores)
    _take_all(ledger, holds, host, report)
    for id in (*report.gone_guests, *report.gone_disks):
        held = host.held.get(id)
        if held is not None:
            holds.unreport(held)
    return True


def take_inventory(ledger: Ledger, holds: Holds, host: HostBook, inventory: Inventory) -> None:
    """All that there is on the host, and what it is made of."""
    _take_capacity(ledger, host, inventory.capacity)
    _take_all(ledger, holds, host, inventory)
    ledger.images(host, set(inventory.image_checksums))


def _take_capacity(ledger: Ledger, host: HostBook, capacity: HostCapacity) -> None:
    assert host.view is not None, "the caller knows the host"
    view = msgspec.structs.replace(
        host.view,
        cpus=capacity.cpus,
        memory_mib=capacity.memory_mib,
        networks=frozenset(capacity.networks),
    )
    ledger.view(host, view)
    ledger.reach(host, capacity.datastores)


def _take_all(ledger: Ledger, holds: Holds, host: HostBook, report: HostReport | Inventory) -> None:
    full = isinstance(report, Inventory) or report.full
    for guest in report.guests:
        disks = tuple(_guest_disks(ledger, guest))
        holds.report(host, guest.vm_id, guest.cpus, guest.memory_mib, disks)
    for disk in report.disks:
        holds.report(host, disk.disk_id, 0, 0, (_disk(ledger, disk),))
    if full:
        present = {guest.vm_id for guest in report.guests} | {each.disk_id for each in report.disks}
        for held in [held for held in host.held.values() if held.id not in present]:
            holds.unreport(held)
    host.generation = report.generation
    readiness = (host.mode, host.heard)
    host.mode = report.mode
    host.heard = host.heard or full
    if readiness != (host.mode, host.heard):
        ledger.readiness(host)


def _guest_disks(ledger: Ledger, guest: Guest) -> Iterator[DiskHeld]:
    """Its own disks; persistent ones are reported, and counted, by themselves."""
    for disk in guest.disks:
        if not disk.persistent:
            datastore = ledger.datastore(disk.datastore_id or guest.datastore_id)
            yield DiskHeld(datastore, disk.id, disk.capacity_gib)


def _disk(ledger: Ledger, disk: HostDisk) -> DiskHeld:
    return DiskHeld(ledger.datastore(disk.datastore_id), disk.disk_id, disk.capacity_gib)
