"""The thrift service over the hosts of this process: reads a call, checks it, asks a host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any

from photon.agent import checks
from photon.agent.hosts import AgentHosts
from photon.agent.reports import Reporter
from photon.domain.guest import ConsoleKind, HostMode, PowerOp, Refusal
from photon.rpc import agent_messages as messages
from photon.rpc.errors import BadArguments

_Handler = Callable[..., Awaitable[Any]]


class AgentService:
    """One coroutine for each method of thrift/agent.thrift; their arguments are thrift's."""

    def __init__(self, hosts: AgentHosts, reporter: Reporter, version: str) -> None:
        self._hosts = hosts
        self._reporter = reporter
        self._version = version

    def handlers(self) -> Mapping[str, _Handler]:
        """What an RPC server needs: each method by its name, with refusals as thrift has them."""
        return {name: _refusing(getattr(self, name)) for name in messages.agent_service().methods}

    async def ping(self) -> str:
        return self._version

    async def provision(self, request: Any) -> Any:
        asked = messages.provision_of(request)
        checks.check_provision(asked)
        return messages.inventory_to(await self._hosts.provision(asked))

    async def deprovision(self, host_id: str, fence: int) -> None:
        checks.check_fence(fence)
        await self._hosts.deprovision(host_id, fence)

    async def inventory(self, host_id: str) -> Any:
        return messages.inventory_to(await (await self._hosts.host(host_id)).inventory())

    async def report(self, boot_id: str, cursor: int, wait_ms: int) -> Any:
        return messages.batch_to(await self._reporter.report(boot_id, cursor, wait_ms))

    async def set_mode(self, host_id: str, fence: int, mode: int) -> None:
        checks.check_fence(fence)
        await (await self._hosts.host(host_id)).set_mode(fence, _one_of(HostMode, mode))

    async def create_vm(self, host_id: str, fence: int, spec: Any) -> Any:
        asked = messages.spec_of(spec)
        checks.check_spec(asked)
        checks.check_fence(fence)
        host = await self._hosts.host(host_id)
        return messages.guest_to(await host.create_vm(fence, asked))

    async def delete_vm(self, host_id: str, fence: int, vm_id: str, force: bool) -> None:
        checks.check_id("vm_id", vm_id)
        checks.check_fence(fence)
        await (await self._hosts.host(host_id)).delete_vm(fence, vm_id, force=force)

    async def power_vm(self, host_id: str, fence: int, vm_id: str, op: int) -> Any:
        checks.check_id("vm_id", vm_id)
        checks.check_fence(fence)
        host = await self._hosts.host(host_id)
        return messages.guest_to(await host.power_vm(fence, vm_id, _one_of(PowerOp, op)))

    async def vm_networks(self, host_id: str, vm_id: str) -> list[Any]:
        checks.check_id("vm_id", vm_id)
        networks = await (await self._hosts.host(host_id)).vm_networks(vm_id)
        return [messages.connection_to(connection) for connection in networks]

    async def console_ticket(self, host_id: str, vm_id: str, kind: int) -> Any:
        checks.check_id("vm_id", vm_id)
        host = await self._hosts.host(host_id)
        return messages.ticket_to(await host.console_ticket(vm_id, _one_of(ConsoleKind, kind)))

    async def create_disk(self, host_id: str, fence: int, disk: Any) -> Any:
        asked = messages.disk_of(disk)
        checks.check_disk(asked)
        checks.check_fence(fence)
        host = await self._hosts.host(host_id)
        return messages.host_disk_to(await host.create_disk(fence, asked))

    async def delete_disk(self, host_id: str, fence: int, disk_id: str) -> None:
        checks.check_id("disk_id", disk_id)
        checks.check_fence(fence)
        await (await self._hosts.host(host_id)).delete_disk(fence, disk_id)

    async def attach_disk(self, host_id: str, fence: int, vm_id: str, disk_id: str) -> Any:
        host = await self._host_of_both(host_id, fence, vm_id, disk_id)
        return messages.guest_to(await host.attach_disk(fence, vm_id, disk_id))

    async def detach_disk(self, host_id: str, fence: int, vm_id: str, disk_id: str) -> Any:
        host = await self._host_of_both(host_id, fence, vm_id, disk_id)
        return messages.guest_to(await host.detach_disk(fence, vm_id, disk_id))

    async def fetch_image(self, host_id: str, fence: int, datastore_id: str, image: Any) -> None:
        asked = messages.image_of(image)
        checks.check_image(asked)
        checks.check_fence(fence)
        await (await self._hosts.host(host_id)).fetch_image(fence, datastore_id, asked)

    async def delete_image(self, host_id: str, fence: int, checksum: str) -> None:
        checks.check_checksum(checksum)
        checks.check_fence(fence)
        await (await self._hosts.host(host_id)).delete_image(fence, checksum)

    async def capture_image(self, host_id: str, fence: int, vm_id: str, image_id: str) -> Any:
        host = await self._host_of_both(host_id, fence, vm_id, image_id)
        return messages.capture_to(await host.capture_image(fence, vm_id, image_id))

    async def drop_capture(self, host_id: str, fence: int, image_id: str) -> None:
        checks.check_id("image_id", image_id)
        checks.check_fence(fence)
        await (await self._hosts.host(host_id)).drop_capture(fence, image_id)

    async def _host_of_both(self, host_id: str, fence: int, vm_id: str, other_id: str) -> Any:
        checks.check_id("vm_id", vm_id)
        checks.check_id("the disk's or image's id", other_id)
        checks.check_fence(fence)
        return await self._hosts.host(host_id)


def _refusing(method: _Handler) -> _Handler:
    @wraps(method)
    async def handler(*arguments: Any) -> Any:
        try:
            return await method(*arguments)
        except Refusal as refusal:
            raise messages.refusal_to(refusal) from None

    return handler


def _one_of(kind: Any, number: int) -> Any:
    try:
        return kind(number)
    except ValueError as problem:
        raise BadArguments(f"{number} is no {kind.__name__}") from problem
