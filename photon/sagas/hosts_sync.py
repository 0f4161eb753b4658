"""SYNC_HOSTS_CONFIG and UPDATE_IMAGE_DATASTORES: every agent is told its terms once more.

step                          do                                                    undo
  SYNC_HOSTS_CONFIG_INITIATE    (begins with the task)
SYNC_HOSTS_CONFIG             tell each provisioned host its terms, and write down  -
                              what it says that it has; the silent are counted
end                           -
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

import msgspec

from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.domain.error_catalogue import HostProvisionFailed
from photon.domain.guest import AgentRefusal, HostCapacity, Refusal
from photon.domain.host import Host
from photon.domain.orders.host import SyncHosts
from photon.sagas.cloud import Cloud
from photon.sagas.errors import HostsNotTold
from photon.sagas.hosts import provision_of
from photon.sagas.locks import nothing_to_unlock
from photon.store.errors import StoreConflict
from photon.store.host_reach import learn
from photon.store.nouns import HOSTS, MISSING_HOSTS
from photon.tasks.saga import Plan, Run, Saga, Step

HOSTS_PAGE: Final = 100
HOSTS_AT_ONCE_MAX: Final = 16  # Each call is milliseconds of an agent; placements go on meanwhile.
TRIES_MAX: Final = 3  # Of one host whose row changes meanwhile: its reports bring the rest.

log = logging.getLogger(__name__)


class Synced(msgspec.Struct, frozen=True):
    hosts: int
    silent: int


async def sync_hosts(run: Run[Cloud], order: SyncHosts) -> Synced:
    synced = await run(SYNC_HOSTS_CONFIG, order)
    run.note(hosts=str(synced.hosts), silent=str(synced.silent))
    if synced.silent:
        run.warn(HostsNotTold(synced.silent, synced.hosts))
    return synced


async def sync(cloud: Cloud, order: SyncHosts) -> Synced:
    hosts = silent = 0
    turns = asyncio.Semaphore(HOSTS_AT_ONCE_MAX)
    after: str | None = None
    while True:
        # Not the task's own: a host that was provisioned since has a higher one.
        fence = await cloud.store.revision()
        page = await cloud.store.page(HOSTS, {}, limit=HOSTS_PAGE, after=after)
        ours = [host for host in page.items if host.provisioned]
        rows = await cloud.store.find_many(MISSING_HOSTS, [host.id for host in ours])
        missing = {row.id for row in rows}
        called = [host for host in ours if host.id not in missing]
        told = await asyncio.gather(*(_tell(cloud, host, fence, turns) for host in called))
        hosts += len(ours)
        silent += len(missing) + told.count(False)
        if not page.more:
            return Synced(hosts, silent)
        after = page.items[-1].id


async def _tell(cloud: Cloud, host: Host, fence: int, turns: asyncio.Semaphore) -> bool:
    """Whether the host's agent heard. One that refuses the fence has heard later terms."""
    async with turns:
        try:
            inventory = await cloud.agents.provision(
                host.agent_endpoint, provision_of(host, cloud.overcommit, fence)
            )
            await _write(cloud, host.id, inventory.capacity)
        except (AgentUnreachable, AgentFaulty, Refusal, HostProvisionFailed) as problem:
            if isinstance(problem, Refusal) and problem.code is AgentRefusal.STALE_FENCE:
                return True
            log.warning("host %s was not synchronised: %s", host.address, problem)
            return False
    return True


async def _write(cloud: Cloud, host_id: str, capacity: HostCapacity) -> None:
    for _ in range(TRIES_MAX):
        host = await cloud.store.find(HOSTS, host_id)
        if host is None:
            return
        try:
            await learn(cloud.store, host, capacity)
        except StoreConflict:
            continue
        return


async def finish(cloud: Cloud, order: SyncHosts, synced: Synced) -> Plan:
    return Plan()


SYNC_HOSTS_CONFIG = Step("SYNC_HOSTS_CONFIG", sync)


def _saga(operation: str) -> Saga[Cloud, SyncHosts, Synced]:
    return Saga(
        operation=operation,
        order=SyncHosts,
        shown=("SYNC_HOSTS_CONFIG_INITIATE", "SYNC_HOSTS_CONFIG"),
        body=sync_hosts,
        finish=finish,
        fail=nothing_to_unlock,
        steps=(SYNC_HOSTS_CONFIG,),
    )


SAGAS: Final[tuple[Saga[Cloud, Any, Any], ...]] = (
    _saga("SYNC_HOSTS_CONFIG"),
    _saga("UPDATE_IMAGE_DATASTORES"),
)
