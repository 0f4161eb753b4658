"""What a hypervisor must be able to do. One driver object is one host.

The caller (photon.agent.host) serialises calls per VM, fences, admits by its books and keeps the
modes. So a driver never sees two calls for one VM at once, and need not know about capacity; but
for datastores that other hosts reach too, of which it claims what it makes (photon.agent.claims).
Every method is idempotent by id: asked twice, it has happened once. All raise `Refusal`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from photon.domain.guest import (
    CapturedImage,
    Guest,
    GuestDisk,
    GuestSpec,
    HostCapacity,
    HostDisk,
    ImageSource,
    NetworkConnection,
    PowerOp,
)


class ConsoleStream(Protocol):
    """A guest's serial line or its VNC (RFB) byte stream."""

    async def read(self) -> bytes:
        """The next bytes; empty when the guest closed it."""
        ...

    async def write(self, chunk: bytes) -> None: ...
    async def close(self) -> None: ...


class HostDriver(Protocol):
    """One host's hypervisor. `open` comes first, `close` last; guests outlive both."""

    async def open(self, on_change: Callable[[str], None]) -> None:
        """Finds again every guest and disk that is there.

        `on_change(vm_id)` is called whenever a guest changed without being told to, such as one
        that powered itself off or died.
        """
        ...

    async def close(self) -> None:
        """Lets go of the guests, which run on."""
        ...

    async def capacity(self) -> HostCapacity:
        """What the host has now; datastores with their free space as measured."""
        ...

    async def guests(self) -> list[Guest]: ...
    async def guest(self, vm_id: str) -> Guest | None: ...
    async def disks(self) -> list[HostDisk]: ...

    async def create_vm(self, spec: GuestSpec) -> Guest:
        """Makes the guest, stopped; its boot disk a copy-on-write child of the image.

        The image must be here (`fetch_image`). A failure leaves nothing behind, such as
        NOT_ENOUGH_DATASTORE when hosts that share the datastore have left too little of it.
        """
        ...

    async def delete_vm(self, vm_id: str) -> None:
        """Ends the guest, hard if it runs, and removes its ephemeral disks. Gone is success."""
        ...

    async def power(self, vm_id: str, op: PowerOp) -> Guest:
        """What is so already is done: START or RESUME of a started guest, STOP of a stopped one.

        Raises:
            Refusal: VM_NOT_FOUND; WRONG_POWER_STATE for RESTART when not started and for SUSPEND
                when stopped.
        """
        ...

    async def networks(self, vm_id: str) -> list[NetworkConnection]: ...
    async def open_serial(self, vm_id: str) -> ConsoleStream:
        """The serial line: first what its log holds (bounded), then live, and input.

        Raises:
            Refusal: VM_NOT_FOUND; TICKET_UNAVAILABLE when the guest does not run.
        """
        ...

    async def open_vnc(self, vm_id: str) -> ConsoleStream: ...

    async def create_disk(self, disk: GuestDisk) -> HostDisk: ...
    async def delete_disk(self, disk_id: str) -> None: ...
    async def attach_disk(self, vm_id: str, disk_id: str) -> Guest:
        """Live when the guest runs. WRONG_POWER_STATE when it is suspended."""
        ...

    async def detach_disk(self, vm_id: str, disk_id: str) -> Guest:
        """Live when the guest runs; a disk that hangs on no guest is detached already.

        Raises:
            Refusal: DISK_NOT_ATTACHED when it hangs on another guest; WRONG_POWER_STATE when the
                guest is suspended; BUSY when the guest does not let go of it.
        """
        ...

    async def has_image(self, checksum: str) -> bool: ...
    async def fetch_image(self, image: ImageSource) -> None:
        """Downloads to a temporary name, checks size and sha256, renames. Once per checksum."""
        ...

    async def delete_image(self, checksum: str) -> None: ...
    async def images(self) -> list[str]: ...
    async def capture(self, vm_id: str, image_id: str) -> CapturedImage:
        """A stand-alone qcow2 of the stopped guest's boot disk; the caller fills in `url`."""
        ...

    async def capture_path(self, image_id: str) -> str: ...
    async def drop_capture(self, image_id: str) -> None: ...
