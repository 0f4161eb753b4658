"""One host: its driver, under the rules that the control plane relies on.

Whatever the driver: calls for one VM or disk follow each other; a call that was overtaken is
refused (fences); a call that is repeated has happened once; nothing is taken that the books have
no room for; and modes, fences and the host's owner are remembered when the agent dies.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

import msgspec
from msgspec.structs import replace

from photon.agent.books import Books, Claim, claim_of_disk, claim_of_guest
from photon.agent.changes import Changed, ChangeLog
from photon.agent.doors import Doors
from photon.agent.drivers.protocol import HostDriver
from photon.agent.fences import Fences
from photon.agent.image_fences import ImageFences
from photon.agent.journal import Journal
from photon.agent.key_locks import KeyLocks
from photon.agent.sameness import already_exists, check_same
from photon.agent.tenure import Ownership
from photon.agent.views import HostView
from photon.domain.guest import (
    AgentRefusal,
    CapturedImage,
    ConsoleKind,
    ConsoleTicket,
    Guest,
    GuestDisk,
    GuestSpec,
    GuestState,
    HostDisk,
    HostMode,
    HostReport,
    ImageSource,
    Inventory,
    NetworkConnection,
    PowerOp,
    Provision,
    Refusal,
)
from photon.outside.clock import Clock

GENERATIONS_PER_START = 1 << 40  # More changes than one start can see: generations only rise.
_IMAGES_LOCK = "images"  # No id of a VM or disk; those are UUIDs.


class HostParts(msgspec.Struct, frozen=True):
    """What all hosts of a process share."""

    journal: Journal
    clock: Clock
    changes: ChangeLog
    doors: Doors


class AgentHost:
    """The host at `address`. `open` comes first; all other methods may raise Refusal."""

    __slots__ = (
        "_books",
        "_changes",
        "_doors",
        "_driver",
        "_fences",
        "_generation",
        "_guests",
        "_image_fences",
        "_journal",
        "_locks",
        "_ownership",
        "_view",
        "address",
    )

    def __init__(
        self, address: str, driver: HostDriver, parts: HostParts, remembered: Mapping[str, bytes]
    ) -> None:
        self.address = address
        self._driver = driver
        self._journal = parts.journal
        self._changes = parts.changes
        self._doors = parts.doors
        self._ownership = Ownership(address, parts.journal, remembered.get("tenure"))
        self._fences = Fences(address, parts.journal, parts.clock, remembered)
        self._image_fences = ImageFences(address, parts.journal, remembered)
        self._locks = KeyLocks()
        self._generation = self._ownership.tenure.starts * GENERATIONS_PER_START
        self._guests = 0

    async def open(self) -> None:
        """Opens the driver and enters into the books what it found."""
        await self._driver.open(self._guest_changed)
        self._books = Books(await self._driver.capacity())
        self._view = HostView(self._driver, self._books, self._fences, self._ownership)
        self._apply_terms()
        guests, disks = await self._driver.guests(), await self._driver.disks()
        self._guests = len(guests)
        for guest in guests:
            self._books.hold(claim_of_guest(guest))
        for disk in disks:
            self._books.hold(claim_of_disk(disk))
        self._fences.keep_only({g.vm_id for g in guests} | {d.disk_id for d in disks})
        if self.is_owned:
            self._changed(Changed.ALL)

    async def close(self) -> None:
        """Lets go of the guests, which run on."""
        await self._driver.close()

    @property
    def host_id(self) -> str:
        return self._ownership.tenure.host_id

    @property
    def mode(self) -> HostMode:
        return self._ownership.tenure.mode

    @property
    def is_owned(self) -> bool:
        return self._ownership.tenure.is_owned

    @property
    def held(self) -> Claim:
        """What its books say that it has promised: processors and memory."""
        return self._books.held

    # The host itself

    async def provision(self, request: Provision) -> Inventory:
        capacity = await self._driver.capacity()
        is_new = await self._ownership.take(request)
        if is_new:
            self._generation = self._ownership.tenure.starts * GENERATIONS_PER_START
        self._books.set_capacity(capacity)
        self._apply_terms()
        self._changed(Changed.ALL)
        return await self.inventory()

    async def deprovision(self, fence: int) -> None:
        if not self.is_owned:
            return
        self._ownership.check(fence)
        disks = len(await self._driver.disks())
        if self._guests or disks:
            message = f"{self._guests} guests and {disks} disks are on this host; move them first."
            raise Refusal(AgentRefusal.HOST_HAS_GUESTS, message, guests=self._guests, disks=disks)
        self._fences.clear()
        self._image_fences.clear()
        await self._enter(HostMode.DEPROVISIONED, fence)

    async def set_mode(self, fence: int, mode: HostMode) -> None:
        self._ownership.check(fence)
        if mode is HostMode.DEPROVISIONED:
            raise Refusal(AgentRefusal.WRONG_MODE, "A host is given back by deprovision alone.")
        if mode is HostMode.MAINTENANCE and self._guests:
            message = f"{self._guests} guests are on this host; let it enter maintenance first."
            raise Refusal(AgentRefusal.HOST_HAS_GUESTS, message, guests=self._guests)
        if mode is HostMode.ENTERING_MAINTENANCE and not self._guests:
            mode = HostMode.MAINTENANCE
        await self._enter(mode, fence)

    async def inventory(self) -> Inventory:
        return await self._view.inventory(self._generation)

    async def report_all(self) -> HostReport:
        """All that is on the host."""
        return await self._view.report_all(self._generation)

    async def report_some(self, vm_ids: AbstractSet[str], disk_ids: AbstractSet[str]) -> HostReport:
        """The named guests and disks as they are now, and which of them are no more."""
        return await self._view.report_some(self._generation, vm_ids, disk_ids)

    # Guests

    async def create_vm(self, fence: int, spec: GuestSpec) -> Guest:
        async with self._locks.holding(spec.vm_id):
            self._fences.check_new(spec.vm_id, fence)
            existing = await self._driver.guest(spec.vm_id)
            if existing is not None:
                check_same(existing, spec)
                await self._pass(fence, spec.vm_id)
                return self._view.guest(existing)
            self._check_takes_new()
            claim = claim_of_guest(spec)
            self._books.admit(claim)
            self._guests += 1
            try:
                await self._pass(fence, spec.vm_id)
                if not await self._driver.has_image(spec.image.checksum):
                    self._image_fences.pass_(spec.image.checksum, fence)
                    await self._driver.fetch_image(spec.image)
                guest = await self._driver.create_vm(spec)
            except BaseException:
                self._guests -= 1
                self._books.release(claim)
                self._fences.forget(spec.vm_id)
                raise
            self._changed(Changed.GUEST, spec.vm_id)
            return self._view.guest(guest)

    async def delete_vm(self, fence: int, vm_id: str, *, force: bool) -> None:
        async with self._locks.holding(vm_id):
            guest = await self._driver.guest(vm_id)
            if guest is None:
                self._fences.bury(vm_id, fence)
                await self._journal.sync()
                return
            self._fences.check(vm_id, fence)
            if guest.state in (GuestState.STARTED, GuestState.SUSPENDED) and not force:
                message = f"The VM {vm_id} is {guest.state.name}; stop it first."
                raise Refusal(AgentRefusal.NOT_POWERED_OFF, message, state=guest.state.name)
            await self._pass(fence, vm_id)
            await self._driver.delete_vm(vm_id)
            self._fences.bury(vm_id, fence)
            self._books.release(claim_of_guest(guest))
            self._guests -= 1
            self._changed(Changed.GUEST, vm_id)
            for disk in guest.disks:
                if disk.persistent:
                    self._changed(Changed.DISK, disk.id)
            if self.mode is HostMode.ENTERING_MAINTENANCE and not self._guests:
                await self._enter(HostMode.MAINTENANCE, self._ownership.tenure.fence)
            await self._journal.sync()

    async def power_vm(self, fence: int, vm_id: str, op: PowerOp) -> Guest:
        async with self._locks.holding(vm_id):
            self._fences.check(vm_id, fence)
            await self._guest(vm_id)
            await self._pass(fence, vm_id)
            try:
                return self._view.guest(await self._driver.power(vm_id, op))
            finally:
                # Also after a failure: an operation may have gone half its way.
                self._changed(Changed.GUEST, vm_id)

    async def vm_networks(self, vm_id: str) -> list[NetworkConnection]:
        return await self._driver.networks(vm_id)

    async def console_ticket(self, vm_id: str, kind: ConsoleKind) -> ConsoleTicket:
        guest = await self._guest(vm_id)
        if guest.state is not GuestState.STARTED:
            message = f"The VM {vm_id} is {guest.state.name} and has no console; start it first."
            raise Refusal(AgentRefusal.WRONG_POWER_STATE, message, state=guest.state.name)
        return self._doors.console(self._driver, vm_id, kind)

    # Disks

    async def create_disk(self, fence: int, disk: GuestDisk) -> HostDisk:
        async with self._locks.holding(disk.id):
            self._fences.check_new(disk.id, fence)
            existing = await self._find_disk(disk.id)
            if existing is not None:
                if (existing.capacity_gib, existing.datastore_id) != (
                    disk.capacity_gib,
                    disk.datastore_id,
                ):
                    raise already_exists("disk", disk.id)
                await self._pass(fence, disk.id)
                return self._view.disk(existing)
            self._check_takes_new()
            claim = claim_of_disk(disk)
            self._books.admit(claim)
            try:
                await self._pass(fence, disk.id)
                made = await self._driver.create_disk(disk)
            except BaseException:
                self._books.release(claim)
                self._fences.forget(disk.id)
                raise
            self._changed(Changed.DISK, disk.id)
            return self._view.disk(made)

    async def delete_disk(self, fence: int, disk_id: str) -> None:
        async with self._locks.holding(disk_id):
            disk = await self._find_disk(disk_id)
            if disk is not None:
                self._fences.check(disk_id, fence)
                await self._pass(fence, disk_id)
                await self._driver.delete_disk(disk_id)
                self._books.release(claim_of_disk(disk))
                self._changed(Changed.DISK, disk_id)
            self._fences.bury(disk_id, fence)
            await self._journal.sync()

    async def attach_disk(self, fence: int, vm_id: str, disk_id: str) -> Guest:
        async with self._locks.holding(vm_id, disk_id):
            await self._check_both(fence, vm_id, disk_id)
            guest = await self._driver.attach_disk(vm_id, disk_id)
            return self._reattached(guest, disk_id)

    async def detach_disk(self, fence: int, vm_id: str, disk_id: str) -> Guest:
        async with self._locks.holding(vm_id, disk_id):
            await self._check_both(fence, vm_id, disk_id)
            guest = await self._driver.detach_disk(vm_id, disk_id)
            return self._reattached(guest, disk_id)

    # Images

    async def fetch_image(self, fence: int, datastore_id: str, image: ImageSource) -> None:
        self._books.check_datastore(datastore_id)
        self._image_fences.check(image.checksum, fence)
        self._image_fences.pass_(image.checksum, fence)
        if not await self._driver.has_image(image.checksum):
            await self._driver.fetch_image(image)

    async def delete_image(self, fence: int, checksum: str) -> None:
        async with self._locks.holding(_IMAGES_LOCK):
            self._image_fences.check(checksum, fence)
            await self._driver.delete_image(checksum)
            self._image_fences.pass_(checksum, fence)

    async def capture_image(self, fence: int, vm_id: str, image_id: str) -> CapturedImage:
        async with self._locks.holding(vm_id):
            self._fences.check(vm_id, fence)
            guest = await self._guest(vm_id)
            if guest.state is not GuestState.STOPPED:
                message = f"The VM {vm_id} is {guest.state.name}; stop it first."
                raise Refusal(AgentRefusal.NOT_POWERED_OFF, message, state=guest.state.name)
            await self._pass(fence, vm_id, image_id)
            made = await self._driver.capture(vm_id, image_id)
            return replace(made, url=self._doors.capture_url(self._driver, image_id))

    async def drop_capture(self, fence: int, image_id: str) -> None:
        self._fences.check(image_id, fence)
        await self._driver.drop_capture(image_id)
        self._fences.forget(image_id)

    # What they share

    def _apply_terms(self) -> None:
        terms = self._ownership.tenure
        self._books.set_terms(
            cpu_overcommit=terms.cpu_overcommit,
            memory_overcommit=terms.memory_overcommit,
            allowed=terms.allowed_datastores,
        )

    async def _enter(self, mode: HostMode, fence: int) -> None:
        if await self._ownership.enter(mode, fence):
            self._changed(Changed.HOST)

    def _check_takes_new(self) -> None:
        if self.mode is not HostMode.NORMAL:
            message = f"This host is in the mode {self.mode.name} and takes nothing new."
            raise Refusal(AgentRefusal.WRONG_MODE, message, mode=self.mode.name)

    async def _check_both(self, fence: int, vm_id: str, disk_id: str) -> None:
        self._fences.check(vm_id, fence)
        self._fences.check(disk_id, fence)
        await self._guest(vm_id)
        if await self._find_disk(disk_id) is None:
            raise Refusal(AgentRefusal.DISK_NOT_FOUND, f"The disk {disk_id} is not on this host.")
        await self._pass(fence, vm_id, disk_id)

    async def _pass(self, fence: int, *names: str) -> None:
        """Remembers the fence before anything is done under it."""
        news = [self._fences.pass_(name, fence) for name in names]
        if any(news):
            await self._journal.sync()

    async def _guest(self, vm_id: str) -> Guest:
        guest = await self._driver.guest(vm_id)
        if guest is None:
            raise Refusal(AgentRefusal.VM_NOT_FOUND, f"The VM {vm_id} is not on this host.")
        return guest

    async def _find_disk(self, disk_id: str) -> HostDisk | None:
        disks = await self._driver.disks()
        return next((disk for disk in disks if disk.disk_id == disk_id), None)

    def _reattached(self, guest: Guest, disk_id: str) -> Guest:
        self._changed(Changed.GUEST, guest.vm_id)
        self._changed(Changed.DISK, disk_id)
        return self._view.guest(guest)

    def _guest_changed(self, vm_id: str) -> None:
        self._changed(Changed.GUEST, vm_id)

    def _changed(self, kind: Changed, name: str = "") -> None:
        self._generation += 1
        self._changes.note(self.address, kind, name)
