"""How a host shows itself: what its driver finds, with the fences and the books' free space."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec
from msgspec.structs import replace

from photon.agent.books import Books
from photon.agent.drivers.protocol import HostDriver
from photon.agent.fences import Fences
from photon.agent.tenure import Ownership
from photon.domain.guest import Guest, HostDisk, HostReport, Inventory


class HostView(msgspec.Struct, frozen=True):
    """Reads the parts of one host; changes nothing."""

    driver: HostDriver
    books: Books
    fences: Fences
    ownership: Ownership

    def guest(self, guest: Guest) -> Guest:
        return replace(guest, fence=self.fences.of(guest.vm_id))

    def disk(self, disk: HostDisk) -> HostDisk:
        return replace(disk, fence=self.fences.of(disk.disk_id))

    async def inventory(self, generation: int) -> Inventory:
        capacity = await self.driver.capacity()
        tenure = self.ownership.tenure
        return Inventory(
            tenure.host_id,
            generation,
            tenure.mode,
            replace(
                capacity,
                datastores=self.books.usable(capacity.datastores),
                cpu_overcommit=tenure.cpu_overcommit,
                memory_overcommit=tenure.memory_overcommit,
            ),
            tuple([self.guest(guest) for guest in await self.driver.guests()]),
            tuple([self.disk(disk) for disk in await self.driver.disks()]),
            tuple(await self.driver.images()),
        )

    async def report_all(self, generation: int) -> HostReport:
        """All there is, at this moment."""
        guests, disks = await self.driver.guests(), await self.driver.disks()
        report = await self._report(generation, guests, disks)
        return replace(report, full=True)

    async def report_some(
        self, generation: int, vm_ids: AbstractSet[str], disk_ids: AbstractSet[str]
    ) -> HostReport:
        """The named guests and disks as they are now, and which of them are no more."""
        found = [await self.driver.guest(vm_id) for vm_id in sorted(vm_ids)]
        guests = [guest for guest in found if guest is not None]
        all_disks = await self.driver.disks() if disk_ids else ()
        disks = [disk for disk in all_disks if disk.disk_id in disk_ids]
        report = await self._report(generation, guests, disks)
        return replace(
            report,
            gone_guests=tuple(sorted(vm_ids - {guest.vm_id for guest in guests})),
            gone_disks=tuple(sorted(disk_ids - {disk.disk_id for disk in disks})),
        )

    async def _report(
        self, generation: int, guests: list[Guest], disks: list[HostDisk]
    ) -> HostReport:
        tenure = self.ownership.tenure
        return HostReport(
            tenure.host_id,
            generation,
            tenure.mode,
            self.books.usable((await self.driver.capacity()).datastores),
            tuple([self.guest(guest) for guest in guests]),
            tuple([self.disk(disk) for disk in disks]),
        )
