"""Agents over the network: the domain's types on this side, thrift on the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.lines import Lines
from photon.agent_client.protocol import (
    ASK_SECONDS,
    CHANGE_SECONDS,
    CREATE_SECONDS,
    IMAGE_SECONDS,
    REPORT_WAIT_MS_MAX,
)
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
from photon.outside.clock import Clock
from photon.rpc import agent_messages as messages
from photon.rpc.errors import BadArguments, CallFailed, CallTimedOut, PeerFault
from photon.rpc.network import Network

# Every call is idempotent, so one that was cut off is made again; an agent that restarts is back
# within the second that these pauses add up to.
TRIES_MAX = 3
FIRST_PAUSE_SECONDS = 0.2
PAUSE_GROWTH = 4.0

_Refused: Any = messages.agent_service().structs.Refused
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class _Operation(Generic[_Answer]):
    """A method of the thrift file: how its answer is read, and how long it may take."""

    name: str
    read: Callable[[Any], _Answer]
    seconds: float


def _nothing(_answer: None) -> None:
    """What a method without a result answers."""


def _connections_of(answer: list[Any]) -> tuple[NetworkConnection, ...]:
    return tuple([messages.connection_of(connection) for connection in answer])


_PING = _Operation("ping", str, ASK_SECONDS)
_PROVISION = _Operation("provision", messages.inventory_of, CHANGE_SECONDS)
_DEPROVISION = _Operation("deprovision", _nothing, ASK_SECONDS)
_INVENTORY = _Operation("inventory", messages.inventory_of, ASK_SECONDS)
_REPORT = _Operation("report", messages.batch_of, ASK_SECONDS)
_SET_MODE = _Operation("set_mode", _nothing, ASK_SECONDS)
_CREATE_VM = _Operation("create_vm", messages.guest_of, CREATE_SECONDS)
_DELETE_VM = _Operation("delete_vm", _nothing, CHANGE_SECONDS)
_POWER_VM = _Operation("power_vm", messages.guest_of, CHANGE_SECONDS)
_VM_NETWORKS = _Operation("vm_networks", _connections_of, ASK_SECONDS)
_CONSOLE_TICKET = _Operation("console_ticket", messages.ticket_of, ASK_SECONDS)
_CREATE_DISK = _Operation("create_disk", messages.host_disk_of, CHANGE_SECONDS)
_DELETE_DISK = _Operation("delete_disk", _nothing, CHANGE_SECONDS)
_ATTACH_DISK = _Operation("attach_disk", messages.guest_of, CHANGE_SECONDS)
_DETACH_DISK = _Operation("detach_disk", messages.guest_of, CHANGE_SECONDS)
_FETCH_IMAGE = _Operation("fetch_image", _nothing, IMAGE_SECONDS)
_DELETE_IMAGE = _Operation("delete_image", _nothing, CHANGE_SECONDS)
_CAPTURE_IMAGE = _Operation("capture_image", messages.capture_of, IMAGE_SECONDS)
_DROP_CAPTURE = _Operation("drop_capture", _nothing, CHANGE_SECONDS)


class AgentClient:
    """`Agents` over a network. One object a process; `close` it at the end."""

    def __init__(self, network: Network, clock: Clock) -> None:
        self._lines = Lines(network, messages.agent_service())
        self._clock = clock

    async def close(self) -> None:
        """Closes all connections; calls in flight fail with AgentUnreachable."""
        await self._lines.close()

    # The process behind an endpoint

    async def ping(self, endpoint: str) -> str:
        return await self._call(endpoint, _PING, ())

    async def provision(self, endpoint: str, request: Provision) -> Inventory:
        return await self._call(endpoint, _PROVISION, (messages.provision_to(request),))

    async def report(self, endpoint: str, boot_id: str, cursor: int, wait_ms: int) -> ReportBatch:
        wait_ms = min(wait_ms, REPORT_WAIT_MS_MAX)
        seconds = wait_ms / 1000 + ASK_SECONDS
        return await self._call(endpoint, _REPORT, (boot_id, cursor, wait_ms), seconds)

    # Hosts

    async def deprovision(self, host: HostAddress, fence: int) -> None:
        await self._call(host.endpoint, _DEPROVISION, (host.host_id, fence))

    async def inventory(self, host: HostAddress) -> Inventory:
        return await self._call(host.endpoint, _INVENTORY, (host.host_id,))

    async def set_mode(self, host: HostAddress, fence: int, mode: HostMode) -> None:
        await self._call(host.endpoint, _SET_MODE, (host.host_id, fence, mode))

    # Guests

    async def create_vm(
        self,
        host: HostAddress,
        fence: int,
        spec: GuestSpec,
        deadline_seconds: float = CREATE_SECONDS,
    ) -> Guest:
        arguments = (host.host_id, fence, messages.spec_to(spec))
        return await self._call(host.endpoint, _CREATE_VM, arguments, deadline_seconds)

    async def delete_vm(
        self, host: HostAddress, fence: int, vm_id: str, *, force: bool = False
    ) -> None:
        await self._call(host.endpoint, _DELETE_VM, (host.host_id, fence, vm_id, force))

    async def power_vm(self, host: HostAddress, fence: int, vm_id: str, op: PowerOp) -> Guest:
        return await self._call(host.endpoint, _POWER_VM, (host.host_id, fence, vm_id, op))

    async def vm_networks(self, host: HostAddress, vm_id: str) -> tuple[NetworkConnection, ...]:
        return await self._call(host.endpoint, _VM_NETWORKS, (host.host_id, vm_id))

    async def console_ticket(
        self, host: HostAddress, vm_id: str, kind: ConsoleKind
    ) -> ConsoleTicket:
        return await self._call(host.endpoint, _CONSOLE_TICKET, (host.host_id, vm_id, kind))

    # Disks

    async def create_disk(self, host: HostAddress, fence: int, disk: GuestDisk) -> HostDisk:
        arguments = (host.host_id, fence, messages.disk_to(disk))
        return await self._call(host.endpoint, _CREATE_DISK, arguments)

    async def delete_disk(self, host: HostAddress, fence: int, disk_id: str) -> None:
        await self._call(host.endpoint, _DELETE_DISK, (host.host_id, fence, disk_id))

    async def attach_disk(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> Guest:
        arguments = (host.host_id, fence, vm_id, disk_id)
        return await self._call(host.endpoint, _ATTACH_DISK, arguments)

    async def detach_disk(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> Guest:
        arguments = (host.host_id, fence, vm_id, disk_id)
        return await self._call(host.endpoint, _DETACH_DISK, arguments)

    # Images

    async def fetch_image(
        self, host: HostAddress, fence: int, datastore_id: str, image: ImageSource
    ) -> None:
        arguments = (host.host_id, fence, datastore_id, messages.image_to(image))
        await self._call(host.endpoint, _FETCH_IMAGE, arguments)

    async def delete_image(self, host: HostAddress, fence: int, checksum: str) -> None:
        await self._call(host.endpoint, _DELETE_IMAGE, (host.host_id, fence, checksum))

    async def capture_image(
        self, host: HostAddress, fence: int, vm_id: str, image_id: str
    ) -> CapturedImage:
        arguments = (host.host_id, fence, vm_id, image_id)
        return await self._call(host.endpoint, _CAPTURE_IMAGE, arguments)

    async def drop_capture(self, host: HostAddress, fence: int, image_id: str) -> None:
        await self._call(host.endpoint, _DROP_CAPTURE, (host.host_id, fence, image_id))

    async def _call(
        self,
        endpoint: str,
        operation: _Operation[_Answer],
        arguments: tuple[Any, ...],
        seconds: float | None = None,
    ) -> _Answer:
        allowed_seconds = operation.seconds if seconds is None else seconds
        try:
            answer = await self._try(endpoint, operation.name, arguments, allowed_seconds)
            return operation.read(answer)
        except _Refused as refused:
            raise messages.refusal_of(refused) from None
        except (PeerFault, BadArguments) as problem:
            raise AgentFaulty(endpoint, operation.name, str(problem)) from problem
        except CallFailed as problem:
            raise AgentUnreachable(endpoint, operation.name, str(problem)) from problem

    async def _try(
        self, endpoint: str, name: str, arguments: tuple[Any, ...], seconds: float
    ) -> Any:
        """The raw answer. Only a connection that failed is worth another try within `seconds`."""
        ends = self._clock.monotonic() + seconds
        pause_seconds = FIRST_PAUSE_SECONDS
        for attempt in range(1, TRIES_MAX + 1):
            left_seconds = ends - self._clock.monotonic()
            try:
                connection = await self._lines.to(endpoint)
                return await connection.call(name, arguments, left_seconds)
            except (PeerFault, CallTimedOut):
                raise
            except CallFailed:
                if attempt == TRIES_MAX or ends - self._clock.monotonic() < pause_seconds:
                    raise
            await self._clock.sleep(pause_seconds)
            pause_seconds *= PAUSE_GROWTH
        raise AssertionError("the last try returns or raises")
