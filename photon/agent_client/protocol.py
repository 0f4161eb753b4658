"""What a controller may ask of agents. Sagas and reconcilers depend on this, not on a network."""

from __future__ import annotations

from typing import Protocol

from photon.agent_client.address import HostAddress
from photon.domain.guest import (
    CapturedImage,
    ConsoleKind,
    ConsoleTicket,
    Guest,
    GuestDisk,
    GuestSpec,
    HostDisk,
    HostMode,
    ImageSource,
    Inventory,
    NetworkConnection,
    PowerOp,
    Provision,
    ReportBatch,
)

# The longest that each kind of call may take before it counts as unanswered. A caller's own
# deadline must be longer. An agent gives up its own inner waits earlier.
ASK_SECONDS = 10.0  # Reads, and changes of an agent's books alone.
CHANGE_SECONDS = 120.0  # A change of one guest; an orderly stop waits a minute for the guest.
CREATE_SECONDS = 60.0  # A create whose image is on the host already.
IMAGE_SECONDS = 3600.0  # A large image over a slow link, or a copy of a whole boot disk.
REPORT_WAIT_MS_MAX = 30_000  # The longest poll; the call itself gets ASK_SECONDS on top.


class Agents(Protocol):
    """All agents that there are.

    Every method is idempotent by the id of what it makes or unmakes. Each that changes something
    carries a fence, and is refused with STALE_FENCE after one with a higher fence. They raise:

        Refusal: the agent's no, with its reason.
        AgentUnreachable: no answer; the change may or may not have happened.
        AgentFaulty: an answer that makes no sense.
    """

    async def ping(self, endpoint: str) -> str:
        """The agent's version."""
        ...

    async def provision(self, endpoint: str, request: Provision) -> Inventory:
        """Takes a host. BAD_CREDENTIALS, OTHER_PLANE, HOST_NOT_FOUND (no such address there)."""
        ...

    async def deprovision(self, host: HostAddress, fence: int) -> None:
        """Gives it back. HOST_HAS_GUESTS while guests or disks are on it."""
        ...

    async def inventory(self, host: HostAddress) -> Inventory: ...
    async def report(self, endpoint: str, boot_id: str, cursor: int, wait_ms: int) -> ReportBatch:
        """Heartbeat and changes of all hosts behind `endpoint`; see thrift/agent.thrift.

        Start with an empty `boot_id` and cursor 0; then say what the last batch said. While
        `more`, ask again at once.
        """
        ...

    async def set_mode(self, host: HostAddress, fence: int, mode: HostMode) -> None: ...

    async def create_vm(
        self,
        host: HostAddress,
        fence: int,
        spec: GuestSpec,
        deadline_seconds: float = CREATE_SECONDS,
    ) -> Guest:
        """Makes the guest, stopped. Give IMAGE_SECONDS if the host may have to fetch the image.

        After a delete with fence f, only a create with a fence above f is taken (STALE_FENCE).
        """
        ...

    async def delete_vm(
        self, host: HostAddress, fence: int, vm_id: str, *, force: bool = False
    ) -> None:
        """NOT_POWERED_OFF unless `force`. A guest that is not there is success."""
        ...

    async def power_vm(self, host: HostAddress, fence: int, vm_id: str, op: PowerOp) -> Guest: ...
    async def vm_networks(self, host: HostAddress, vm_id: str) -> tuple[NetworkConnection, ...]: ...
    async def console_ticket(
        self, host: HostAddress, vm_id: str, kind: ConsoleKind
    ) -> ConsoleTicket: ...

    async def create_disk(self, host: HostAddress, fence: int, disk: GuestDisk) -> HostDisk: ...
    async def delete_disk(self, host: HostAddress, fence: int, disk_id: str) -> None: ...
    async def attach_disk(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> Guest:
        """`fence` is the VM's."""
        ...

    async def detach_disk(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> Guest:
        """`fence` is the VM's."""
        ...

    async def fetch_image(
        self, host: HostAddress, fence: int, datastore_id: str, image: ImageSource
    ) -> None: ...
    async def delete_image(self, host: HostAddress, fence: int, checksum: str) -> None:
        """STALE_FENCE if somebody has wanted the image since."""
        ...

    async def capture_image(
        self, host: HostAddress, fence: int, vm_id: str, image_id: str
    ) -> CapturedImage:
        """Copies a stopped guest's boot disk; fetch it from the answer's `url`, once."""
        ...

    async def drop_capture(self, host: HostAddress, fence: int, image_id: str) -> None: ...
