"""Hosts without a hypervisor: many in one process, in memory, as slow and as faulty as wanted.

To its caller one behaves as a QEMU host does (tests/drivers/contract.py). What it keeps per guest
is the guest itself, its network cards and the name of its image: some hundred bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from sys import intern

import msgspec
from msgspec.structs import replace

from photon.agent.drivers.simulated_captures import SimulatedCaptures
from photon.agent.drivers.simulated_console import (
    SCREEN_GREETING,
    SERIAL_BANNER,
    SimulatedConsole,
)
from photon.agent.drivers.simulated_guest import SimulatedGuest, shared_strings
from photon.agent.drivers.simulated_room import SimulatedRoom, of_disk, of_guest
from photon.agent.drivers.simulated_site import Faults, SimulatedSite
from photon.agent.journal import NullJournal
from photon.domain.guest import (
    AgentRefusal,
    CapturedImage,
    Guest,
    GuestDisk,
    GuestSpec,
    GuestState,
    HostCapacity,
    HostDisk,
    ImageSource,
    NetworkConnection,
    PowerOp,
    Refusal,
)

CAPTURE_BYTES_MIN = 1 << 20  # No image is smaller than this.
DISKS_PER_GUEST_MAX = 16  # As many as a real guest's bus has places for.
NETMASK = "255.0.0.0"

# What a power operation makes of a state; a pair that is not here is refused.
_POWER: dict[tuple[GuestState, PowerOp], GuestState] = {
    (GuestState.STOPPED, PowerOp.START): GuestState.STARTED,
    (GuestState.STOPPED, PowerOp.STOP): GuestState.STOPPED,
    (GuestState.STOPPED, PowerOp.RESUME): GuestState.STARTED,
    (GuestState.STARTED, PowerOp.START): GuestState.STARTED,
    (GuestState.STARTED, PowerOp.STOP): GuestState.STOPPED,
    (GuestState.STARTED, PowerOp.RESTART): GuestState.STARTED,
    (GuestState.STARTED, PowerOp.SUSPEND): GuestState.SUSPENDED,
    (GuestState.STARTED, PowerOp.RESUME): GuestState.STARTED,
    (GuestState.SUSPENDED, PowerOp.START): GuestState.STARTED,
    (GuestState.SUSPENDED, PowerOp.STOP): GuestState.STOPPED,
    (GuestState.SUSPENDED, PowerOp.SUSPEND): GuestState.SUSPENDED,
    (GuestState.SUSPENDED, PowerOp.RESUME): GuestState.STARTED,
}


class SimulatedDriver:
    """One simulated host. `faults` may be changed at any time.

    `remembered` is what the site's journal kept for this host: `vm/<id>`, `disk/<id>` and
    `image/<checksum>`.
    """

    __slots__ = (
        "_capacity",
        "_captures",
        "_consoles",
        "_disks",
        "_guests",
        "_images",
        "_on_change",
        "_remembered",
        "_room",
        "_site",
        "address",
        "faults",
    )

    def __init__(
        self, address: str, site: SimulatedSite, remembered: Mapping[str, bytes] | None = None
    ) -> None:
        self.address = address
        self.faults = Faults()
        self._site = site
        self._capacity = site.capacity_of(address)
        self._room = SimulatedRoom(address, self._capacity, site.shared)
        self._captures = SimulatedCaptures(address, site.captures)
        self._remembered = remembered
        self._guests: dict[str, SimulatedGuest] = {}
        self._disks: dict[str, HostDisk] = {}
        self._images: set[str] = set()
        self._consoles: dict[str, list[SimulatedConsole]] = {}
        self._on_change: Callable[[str], None] | None = None

    async def open(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        for key, value in (self._remembered or {}).items():
            kind, _, name = key.partition("/")
            if kind == "vm":
                self._guests[name] = shared_strings(msgspec.json.decode(value, type=SimulatedGuest))
            elif kind == "disk":
                self._disks[name] = msgspec.json.decode(value, type=HostDisk)
            elif kind == "image":
                self._images.add(intern(name))
        self._remembered = None
        self._room.find_again(self._all_guests(), self._disks.values())

    async def close(self) -> None:
        for vm_id in list(self._consoles):
            self._hang_up(vm_id)

    async def capacity(self) -> HostCapacity:
        full = self.faults.datastore_full
        return self._room.left(self._all_guests(), self._disks.values(), full=full)

    async def guests(self) -> list[Guest]:
        return list(self._all_guests())

    async def guest(self, vm_id: str) -> Guest | None:
        held = self._guests.get(vm_id)
        return held.guest if held else None

    async def disks(self) -> list[HostDisk]:
        return list(self._disks.values())

    # Guests

    async def create_vm(self, spec: GuestSpec) -> Guest:
        if spec.vm_id in self._guests:
            await self._take(self._site.latencies.create_vm)
            return self._guests[spec.vm_id].guest
        with self._room.claimed(of_guest(spec.disks, spec.datastore_id)):
            await self._take(self._site.latencies.create_vm)
            self._check_creatable(spec)
            guest = Guest(
                spec.vm_id,
                spec.name,
                GuestState.STOPPED,
                spec.cpus,
                spec.memory_mib,
                spec.datastore_id,
                spec.disks,
            )
            self._keep(SimulatedGuest(guest, spec.nics, spec.image.checksum))
            return guest

    async def delete_vm(self, vm_id: str) -> None:
        await self._take(self._site.latencies.delete_vm)
        held = self._guests.pop(vm_id, None)
        if held is None:
            return
        for disk in held.guest.disks:
            if disk.persistent:
                self._keep_disk(replace(self._disks[disk.id], attached_vm_id=""))
        self._hang_up(vm_id)
        self._forget("vm", vm_id)
        self._room.give_back(of_guest(held.guest.disks, held.guest.datastore_id))

    async def power(self, vm_id: str, op: PowerOp) -> Guest:
        self._held(vm_id)
        await self._take(getattr(self._site.latencies, op.name.lower()))
        held = self._held(vm_id)
        if self.faults.power_refused:
            raise Refusal(AgentRefusal.DRIVER_FAILED, "Power operations were told to fail.")
        after = _POWER.get((held.guest.state, op))
        if after is None:
            state = held.guest.state.name
            message = f"A guest that is {state} cannot take {op.name}."
            raise Refusal(AgentRefusal.WRONG_POWER_STATE, message, state=state)
        if after is GuestState.STOPPED:
            self._hang_up(vm_id)
        return self._change(held, state=after)

    async def networks(self, vm_id: str) -> list[NetworkConnection]:
        held = self._held(vm_id)
        up = held.guest.state is GuestState.STARTED
        return [
            NetworkConnection(
                nic.network,
                nic.mac_address,
                ip_address=_ip_of(nic.mac_address) if up else "",
                netmask=NETMASK if up else "",
                connected=up,
            )
            for nic in held.nics
        ]

    async def open_serial(self, vm_id: str) -> SimulatedConsole:
        return self._open_console(vm_id, SimulatedConsole(SERIAL_BANNER, echoes=True))

    async def open_vnc(self, vm_id: str) -> SimulatedConsole:
        return self._open_console(vm_id, SimulatedConsole(SCREEN_GREETING, echoes=False))

    def die(self, vm_id: str) -> None:
        """The guest ends by itself, as when its owner powers it off from inside or it crashes."""
        held = self._guests.get(vm_id)
        if held is None or held.guest.state is GuestState.STOPPED:
            return
        self._hang_up(vm_id)
        self._change(held, state=GuestState.STOPPED)
        assert self._on_change is not None, "the driver is not open"
        self._on_change(vm_id)

    # Disks

    async def create_disk(self, disk: GuestDisk) -> HostDisk:
        if disk.id in self._disks:
            await self._take(self._site.latencies.create_disk)
            return self._disks[disk.id]
        made = HostDisk(disk.id, disk.capacity_gib, intern(disk.datastore_id))
        with self._room.claimed(of_disk(made)):
            await self._take(self._site.latencies.create_disk)
            self._check_datastore(disk.datastore_id)
            return self._keep_disk(made)

    async def delete_disk(self, disk_id: str) -> None:
        await self._take(self._site.latencies.delete_disk)
        disk = self._disks.get(disk_id)
        if disk is None:
            return
        if disk.attached_vm_id:
            message = f"The disk {disk_id} is attached to the VM {disk.attached_vm_id}."
            raise Refusal(AgentRefusal.DISK_ATTACHED, message, vm_id=disk.attached_vm_id)
        del self._disks[disk_id]
        self._forget("disk", disk_id)
        self._room.give_back(of_disk(disk))

    async def attach_disk(self, vm_id: str, disk_id: str) -> Guest:
        await self._take(self._site.latencies.attach_disk)
        held, disk = self._held(vm_id), self._disk(disk_id)
        if disk.attached_vm_id == vm_id:
            return held.guest
        if disk.attached_vm_id:
            message = f"The disk {disk_id} is attached to the VM {disk.attached_vm_id}."
            raise Refusal(AgentRefusal.DISK_ATTACHED, message, vm_id=disk.attached_vm_id)
        _check_not_suspended(held.guest)
        if len(held.guest.disks) >= DISKS_PER_GUEST_MAX:
            message = f"A guest takes {DISKS_PER_GUEST_MAX} disks; detach one first."
            raise Refusal(AgentRefusal.TOO_MANY_DISKS, message, disks_max=DISKS_PER_GUEST_MAX)
        if self.faults.attach_refused:
            raise Refusal(AgentRefusal.DRIVER_FAILED, "Attaching was told to fail.")
        self._keep_disk(replace(disk, attached_vm_id=vm_id))
        attached = GuestDisk(
            disk.disk_id, disk.capacity_gib, persistent=True, datastore_id=disk.datastore_id
        )
        guest = self._change(held, disks=(*held.guest.disks, attached))
        if self.faults.attach_breaks:
            raise Refusal(AgentRefusal.DRIVER_FAILED, "Attaching was told to break at its end.")
        return guest

    async def detach_disk(self, vm_id: str, disk_id: str) -> Guest:
        await self._take(self._site.latencies.detach_disk)
        held, disk = self._held(vm_id), self._disk(disk_id)
        if not disk.attached_vm_id:
            return held.guest
        if disk.attached_vm_id != vm_id:
            message = f"The disk {disk_id} is attached to another VM."
            raise Refusal(AgentRefusal.DISK_NOT_ATTACHED, message, vm_id=disk.attached_vm_id)
        _check_not_suspended(held.guest)
        self._keep_disk(replace(disk, attached_vm_id=""))
        return self._change(held, disks=tuple([d for d in held.guest.disks if d.id != disk_id]))

    # Images

    async def has_image(self, checksum: str) -> bool:
        return checksum in self._images

    async def fetch_image(self, image: ImageSource) -> None:
        if image.checksum in self._images:
            return
        await self._take(self._site.latencies.fetch_image)
        if self.faults.fetches_to_fail > 0:
            self.faults.fetches_to_fail -= 1
            raise Refusal(AgentRefusal.IMAGE_UNAVAILABLE, "This fetch was told to fail.")
        if image.checksum not in self._images:
            self._images.add(intern(image.checksum))
            self._write("image", image.checksum, b"{}")

    async def delete_image(self, checksum: str) -> None:
        if any(held.checksum == checksum for held in self._guests.values()):
            raise Refusal(AgentRefusal.IMAGE_IN_USE, "A guest's boot disk is made of this image.")
        if checksum in self._images:
            self._images.remove(checksum)
            self._forget("image", checksum)

    async def images(self) -> list[str]:
        return sorted(self._images)

    async def capture(self, vm_id: str, image_id: str) -> CapturedImage:
        held = self._held(vm_id)
        if held.guest.state is not GuestState.STOPPED:
            raise Refusal(AgentRefusal.NOT_POWERED_OFF, "Only a stopped guest can be captured.")
        await self._take(self._site.latencies.capture)
        [boot] = [disk for disk in held.guest.disks if disk.boot]
        # A boot disk below one GiB counts as 0 GiB, and is still a disk.
        return self._captures.make(image_id, max(boot.capacity_gib << 30, CAPTURE_BYTES_MIN))

    async def capture_path(self, image_id: str) -> str:
        return self._captures.path(image_id)

    async def drop_capture(self, image_id: str) -> None:
        self._captures.drop(image_id)

    # What they share

    async def _take(self, seconds: float) -> None:
        if seconds > 0:
            await self._site.clock.sleep(seconds)

    def _all_guests(self) -> Iterator[Guest]:
        return (held.guest for held in self._guests.values())

    def _check_creatable(self, spec: GuestSpec) -> None:
        if self.faults.creates_to_fail > 0:
            self.faults.creates_to_fail -= 1
            raise Refusal(AgentRefusal.DRIVER_FAILED, "This create was told to fail.")
        for datastore_id in sorted(
            {spec.datastore_id, *(disk.datastore_id for disk in spec.disks)}
        ):
            self._check_datastore(datastore_id or spec.datastore_id)
        for nic in spec.nics:
            if nic.network not in self._capacity.networks:
                message = f"This host does not reach the network {nic.network!r}."
                raise Refusal(AgentRefusal.NETWORK_NOT_FOUND, message, network=nic.network)
        if spec.image.checksum not in self._images:
            message = f"The image {spec.image.id} is not on this host."
            raise Refusal(AgentRefusal.IMAGE_UNAVAILABLE, message, image=spec.image.id)

    def _held(self, vm_id: str) -> SimulatedGuest:
        held = self._guests.get(vm_id)
        if held is None:
            raise Refusal(AgentRefusal.VM_NOT_FOUND, f"The VM {vm_id} is not on this host.")
        return held

    def _disk(self, disk_id: str) -> HostDisk:
        disk = self._disks.get(disk_id)
        if disk is None:
            raise Refusal(AgentRefusal.DISK_NOT_FOUND, f"The disk {disk_id} is not on this host.")
        return disk

    def _check_datastore(self, datastore_id: str) -> None:
        if all(datastore_id != datastore.id for datastore in self._capacity.datastores):
            message = f"This host has no datastore {datastore_id!r}."
            raise Refusal(AgentRefusal.DATASTORE_NOT_FOUND, message, datastore=datastore_id)
        if self.faults.datastore_full:
            message = f"The datastore {datastore_id} was told to be full."
            raise Refusal(AgentRefusal.NOT_ENOUGH_DATASTORE, message, datastore=datastore_id)

    def _change(self, held: SimulatedGuest, **changes: object) -> Guest:
        changed = replace(held, guest=replace(held.guest, **changes))
        self._keep(changed)
        return changed.guest

    def _keep(self, held: SimulatedGuest) -> None:
        self._guests[held.guest.vm_id] = shared_strings(held)
        self._write("vm", held.guest.vm_id, held)

    def _keep_disk(self, disk: HostDisk) -> HostDisk:
        self._disks[disk.disk_id] = disk
        self._write("disk", disk.disk_id, disk)
        return disk

    def _write(self, kind: str, name: str, value: object) -> None:
        if not isinstance(self._site.journal, NullJournal):
            key = f"{self.address}/{kind}/{name}"
            self._site.journal.put(key, msgspec.json.encode(value))

    def _forget(self, kind: str, name: str) -> None:
        self._site.journal.put(f"{self.address}/{kind}/{name}", None)

    def _open_console(self, vm_id: str, console: SimulatedConsole) -> SimulatedConsole:
        if self._held(vm_id).guest.state is not GuestState.STARTED:
            message = "Only a guest that runs has a console; start it first."
            raise Refusal(AgentRefusal.TICKET_UNAVAILABLE, message)
        open_ones = [each for each in self._consoles.get(vm_id, ()) if not each.is_closed]
        self._consoles[vm_id] = [*open_ones, console]
        return console

    def _hang_up(self, vm_id: str) -> None:
        for console in self._consoles.pop(vm_id, ()):
            console.hang_up()


def _check_not_suspended(guest: Guest) -> None:
    if guest.state is GuestState.SUSPENDED:
        message = "A suspended guest keeps its disks as they are; resume or stop it first."
        raise Refusal(AgentRefusal.WRONG_POWER_STATE, message, state=guest.state.name)


def _ip_of(mac_address: str) -> str:
    """An address that follows from the card's: 10 and the MAC's last three bytes."""
    last = [int(part, 16) for part in mac_address.split(":")[-3:]]
    return "10." + ".".join(str(part) for part in last)
