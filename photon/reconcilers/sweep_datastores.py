"""Datastores: what hosts reach now, and those that no host reaches any more."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.error_catalogue import HostProvisionFailed
from photon.domain.guest import Refusal
from photon.domain.host import Host
from photon.reconcilers.sweep_walk import Walk
from photon.store.errors import StoreConflict
from photon.store.host_reach import learn, reap_datastore
from photon.store.nouns import DATASTORES, HOSTS
from photon.store.protocol import CloudStore, Write

HOSTS_AT_ONCE_MAX: Final = 8  # Nobody waits for it: it may take its time.
WRITES_MAX: Final = 200  # In one write-set: 4 ms during which nobody else writes.

log = logging.getLogger(__name__)


class DatastoreSweeper:
    def __init__(self, store: CloudStore, agents: Agents) -> None:
        self._store = store
        self._agents = agents
        self._hosts = Walk(store, HOSTS)
        self._datastores = Walk(store, DATASTORES)

    async def once(self) -> None:
        """Asks hosts what they have, then forgets what none of them reaches."""
        turns = asyncio.Semaphore(HOSTS_AT_ONCE_MAX)
        async for hosts in self._hosts.one_pass():
            ours = [host for host in hosts if host.provisioned]
            await asyncio.gather(*(self._ask(host, turns) for host in ours))
        async for datastores in self._datastores.one_pass():
            writes: list[Write] = []
            for datastore in datastores:
                writes += reap_datastore(datastore)
            for start in range(0, len(writes), WRITES_MAX):
                await self._store.commit(writes[start : start + WRITES_MAX])

    async def _ask(self, host: Host, turns: asyncio.Semaphore) -> None:
        async with turns:
            address = HostAddress(host.agent_endpoint, host.id)
            try:
                inventory = await self._agents.inventory(address)
                await learn(self._store, host, inventory.capacity)
            except (AgentUnreachable, AgentFaulty, Refusal, HostProvisionFailed) as problem:
                log.info("host %s is not asked for its datastores: %s", host.address, problem)
            except StoreConflict:
                log.info("host %s was changed meanwhile; it is asked again", host.address)
