"""What sagas reach the world through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field

from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.audit.rows import Living
from photon.domain.error_catalogue import HostNotFound, VmNotFound
from photon.domain.guest import Inventory
from photon.domain.host import Host
from photon.domain.overcommit import Overcommit
from photon.domain.vm import Vm
from photon.images.fetch import fetch
from photon.images.protocol import Images
from photon.outside.clock import Clock
from photon.scheduler.protocol import SchedulerNode
from photon.store.nouns import HOSTS, VMS
from photon.store.protocol import CloudStore


@dataclass(frozen=True, slots=True)
class Cloud:
    """`image_url` says where an agent fetches the file of an image, given the image's id.

    `welcome` makes the scheduler believe in a host as soon as it takes VMs, and `regard` in what an
    operator made of it, before the change feed says so: when the task has ended, it is so. `fetch`
    reads what a host offers at a URL. `living` tells which controllers live (None: those that
    have a row in the store); who audits has the one `audit_turn`.
    """

    store: CloudStore
    agents: Agents
    scheduler: SchedulerNode
    clock: Clock
    images: Images
    image_url: Callable[[str], str]
    welcome: Callable[[Host, Inventory], Awaitable[None]]
    regard: Callable[[Host], None]
    fetch: Callable[[str], AsyncGenerator[bytes, None]] = fetch
    overcommit: Overcommit = field(default_factory=Overcommit)
    living: Living | None = None
    audit_turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def vm(self, vm_id: str) -> Vm:
        vm = await self.store.find(VMS, vm_id)
        if vm is None:
            raise VmNotFound(vm_id)
        return vm

    async def host(self, host_id: str) -> Host:
        host = await self.store.find(HOSTS, host_id)
        if host is None:
            raise HostNotFound(host_id)
        return host

    async def address_of(self, host_id: str) -> HostAddress:
        """Where the agent of a host is."""
        return HostAddress((await self.host(host_id)).agent_endpoint, host_id)
