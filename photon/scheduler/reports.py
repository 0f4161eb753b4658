"""What agents say, written into the books. A host's word is the truth about what it has.

Its numbers are bounded before they are added up: an agent that lies, or is broken, may spoil what
is believed of its own host, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from photon.domain.guest import Guest, HostCapacity, HostDatastore, HostDisk, HostReport, Inventory
from photon.domain.overcommit import OVERCOMMIT_MAX
from photon.scheduler.books import DiskHeld, HostBook
from photon.scheduler.holds import Holds
from photon.scheduler.ledger import Ledger

# Of one host: far more than any hypervisor mounts. The table is as wide as the widest host.
DATASTORES_MAX: Final = 256
# More than any machine has, and so little that a leaf's sums never leave 64 bits.
AMOUNT_MAX: Final = 2**40


def take_report(
    ledger: Ledger, holds: Holds, host: HostBook, report: HostReport | Inventory
) -> bool:
    """False when it is older than what the host said before: then it changes nothing. An old
    inventory would bring back guests of whose end nobody would speak again."""
    if report.generation < host.generation:
        return False
    host.generation = report.generation
    if isinstance(report, Inventory):
        _take_capacity(ledger, host, report.capacity)
        ledger.images(host, set(report.image_checksums))
        _take_all(ledger, holds, host, report)
        return True
    ledger.reach(host, _datastores(report.datastores))
    _take_all(ledger, holds, host, report)
    for id in (*report.gone_guests, *report.gone_disks):
        held = host.held.get(id)
        if held is not None:
            holds.unreport(held)
    return True


def _take_capacity(ledger: Ledger, host: HostBook, capacity: HostCapacity) -> None:
    assert host.view is not None, "the caller knows the host"
    view = msgspec.structs.replace(
        host.view,
        cpus=_bounded(capacity.cpus),
        memory_mib=_bounded(capacity.memory_mib),
        networks=frozenset(capacity.networks),
        # The agent admits by these, so whatever else was believed is wrong.
        cpu_overcommit=_factor(capacity.cpu_overcommit) or host.view.cpu_overcommit,
        memory_overcommit=_factor(capacity.memory_overcommit) or host.view.memory_overcommit,
    )
    ledger.view(host, view)
    ledger.reach(host, _datastores(capacity.datastores))


def _take_all(ledger: Ledger, holds: Holds, host: HostBook, report: HostReport | Inventory) -> None:
    full = isinstance(report, Inventory) or report.full
    for guest in report.guests:
        disks = tuple(_guest_disks(ledger, guest))
        cpus, memory_mib = _bounded(guest.cpus), _bounded(guest.memory_mib)
        holds.report(host, guest.vm_id, cpus, memory_mib, disks)
    for disk in report.disks:
        holds.report(host, disk.disk_id, 0, 0, (_disk(ledger, disk),))
    if full:
        present = {guest.vm_id for guest in report.guests} | {each.disk_id for each in report.disks}
        for held in [held for held in host.held.values() if held.id not in present]:
            holds.unreport(held)
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
            yield DiskHeld(datastore, disk.id, _bounded(disk.capacity_gib))


def _disk(ledger: Ledger, disk: HostDisk) -> DiskHeld:
    return DiskHeld(ledger.datastore(disk.datastore_id), disk.disk_id, _bounded(disk.capacity_gib))


def _datastores(reported: Sequence[HostDatastore]) -> tuple[HostDatastore, ...]:
    return tuple(
        each
        if 0 <= each.capacity_gib <= AMOUNT_MAX
        else msgspec.structs.replace(each, capacity_gib=_bounded(each.capacity_gib))
        for each in reported[:DATASTORES_MAX]
    )


def _factor(said: float) -> float:
    """0 for what no agent that is well says."""
    return said if 0 < said <= OVERCOMMIT_MAX else 0.0


def _bounded(amount: int) -> int:
    return min(max(amount, 0), AMOUNT_MAX)
