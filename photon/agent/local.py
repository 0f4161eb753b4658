"""Agents in the caller's own process: what the network would carry is called directly.

For tests, for simulation, and for a control plane that brings its simulated hosts along. It keeps
`photon.agent_client.protocol.Agents` to the letter, checks of arguments aside.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from photon.agent.host import AgentHost
from photon.agent.hosts import AgentHosts
from photon.agent.reports import Reporter
from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentUnreachable
from photon.agent_client.protocol import CREATE_SECONDS
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


class LocalAgent(msgspec.Struct, frozen=True):
    """What one agent process would be: its hosts, and its answers to `report`."""

    hosts: AgentHosts
    reporter: Reporter
    version: str


class LocalAgents:
    """`Agents` by endpoint, whatever an endpoint is called here.

    An endpoint that is missing from `agents` is unreachable; the mapping may change at any time.
    """

    def __init__(self, agents: Mapping[str, LocalAgent]) -> None:
        self._agents = agents

    async def ping(self, endpoint: str) -> str:
        return self._agent(endpoint, "ping").version

    async def provision(self, endpoint: str, request: Provision) -> Inventory:
        return await self._agent(endpoint, "provision").hosts.provision(request)

    async def report(self, endpoint: str, boot_id: str, cursor: int, wait_ms: int) -> ReportBatch:
        return await self._agent(endpoint, "report").reporter.report(boot_id, cursor, wait_ms)

    async def deprovision(self, host: HostAddress, fence: int) -> None:
        await self._agent(host.endpoint, "deprovision").hosts.deprovision(host.host_id, fence)

    async def inventory(self, host: HostAddress) -> Inventory:
        return await (await self._host(host, "inventory")).inventory()

    async def set_mode(self, host: HostAddress, fence: int, mode: HostMode) -> None:
        await (await self._host(host, "set_mode")).set_mode(fence, mode)

    async def create_vm(
        self,
        host: HostAddress,
        fence: int,
        spec: GuestSpec,
        deadline_seconds: float = CREATE_SECONDS,
    ) -> Guest:
        # No deadline: in one process a create ends, or the caller cancels it.
        return await (await self._host(host, "create_vm")).create_vm(fence, spec)

    async def delete_vm(
        self, host: HostAddress, fence: int, vm_id: str, *, force: bool = False
    ) -> None:
        await (await self._host(host, "delete_vm")).delete_vm(fence, vm_id, force=force)

    async def power_vm(self, host: HostAddress, fence: int, vm_id: str, op: PowerOp) -> Guest:
        return await (await self._host(host, "power_vm")).power_vm(fence, vm_id, op)

    async def vm_networks(self, host: HostAddress, vm_id: str) -> tuple[NetworkConnection, ...]:
        return tuple(await (await self._host(host, "vm_networks")).vm_networks(vm_id))

    async def console_ticket(
        self, host: HostAddress, vm_id: str, kind: ConsoleKind
    ) -> ConsoleTicket:
        return await (await self._host(host, "console_ticket")).console_ticket(vm_id, kind)

    async def create_disk(self, host: HostAddress, fence: int, disk: GuestDisk) -> HostDisk:
        return await (await self._host(host, "create_disk")).create_disk(fence, disk)

    async def delete_disk(self, host: HostAddress, fence: int, disk_id: str) -> None:
        await (await self._host(host, "delete_disk")).delete_disk(fence, disk_id)

    async def attach_disk(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> Guest:
        return await (await self._host(host, "attach_disk")).attach_disk(fence, vm_id, disk_id)

    async def detach_disk(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> Guest:
        return await (await self._host(host, "detach_disk")).detach_disk(fence, vm_id, disk_id)

    async def fetch_image(
        self, host: HostAddress, fence: int, datastore_id: str, image: ImageSource
    ) -> None:
        await (await self._host(host, "fetch_image")).fetch_image(fence, datastore_id, image)

    async def delete_image(self, host: HostAddress, fence: int, checksum: str) -> None:
        await (await self._host(host, "delete_image")).delete_image(fence, checksum)

    async def capture_image(
        self, host: HostAddress, fence: int, vm_id: str, image_id: str
    ) -> CapturedImage:
        found = await self._host(host, "capture_image")
        return await found.capture_image(fence, vm_id, image_id)

    async def drop_capture(self, host: HostAddress, fence: int, image_id: str) -> None:
        await (await self._host(host, "drop_capture")).drop_capture(fence, image_id)

    def _agent(self, endpoint: str, operation: str) -> LocalAgent:
        agent = self._agents.get(endpoint)
        if agent is None:
            raise AgentUnreachable(endpoint, operation, "there is no such agent in this process")
        return agent

    async def _host(self, host: HostAddress, operation: str) -> AgentHost:
        return await self._agent(host.endpoint, operation).hosts.host(host.host_id)
