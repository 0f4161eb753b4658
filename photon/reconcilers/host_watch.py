"""Keeps the scheduler's belief true: which hosts there are, and through which agent each speaks.

What they say, and which of them are missing, is heard by one line per agent process
(`photon.reconcilers.host_line`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Final

from photon.agent_client.protocol import Agents
from photon.domain.guest import Inventory
from photon.domain.host import Host
from photon.domain.placement import HostView
from photon.outside.clock import Clock
from photon.reconcilers.host_line import MISS_PAUSE_SECONDS, AgentLine, Believer, Ears, Keeper
from photon.reconcilers.host_register import HostRegister
from photon.reconcilers.warrant import Warrant, unwarranted
from photon.store.missing_hosts import MissingHosts
from photon.store.nouns import HOSTS, MISSING_HOSTS
from photon.store.protocol import PAGE_SIZE_MAX, Change, CloudStore

HOSTS_PAGE: Final = 100
LOOKS_AT_ONCE_MAX: Final = 16  # Inventories asked for at once, when many hosts come.

log = logging.getLogger(__name__)


def _all_hosts(host_id: str) -> bool:
    return True


class HostWatch:
    def __init__(
        self,
        store: CloudStore,
        agents: Agents,
        believer: Believer,
        clock: Clock,
        keeper: Keeper,
    ) -> None:
        self._store = store
        self._believer = believer
        self._clock = clock
        self._register = HostRegister(store, clock)
        self._ears = Ears(agents, believer, keeper, self._register, clock)
        self._stored_missing = MissingHosts(store)
        self._mine: Callable[[str], bool] = _all_hosts
        self._gatherings = 0  # so many callers put hosts now, whose lines open together
        self._lines: dict[str, AgentLine] = {}
        self._endpoint_of: dict[str, str] = {}
        self._generation_of: dict[str, int] = {}  # of the row that is believed
        self._changed: set[str] = set()
        self._told_missing: set[str] = set()  # by whoever watched before, perhaps
        self._wake = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Believes in every host of the store, then follows the change feed."""
        await self._stored_missing.load()
        self._unsubscribe = self._store.subscribe(self._heard)
        after: str | None = None
        while True:
            page = await self._store.page(HOSTS, {}, limit=HOSTS_PAGE, after=after)
            for host in page.items:
                self._put(host)
            if not page.more:
                break
            after = page.items[-1].id
        self._following = asyncio.create_task(self._follow(), name="host-watch")

    async def follow(self, mine: Callable[[str], bool], warrant: Warrant = unwarranted) -> None:
        """In place of `start`, where other controllers watch the hosts that are not `mine`.
        Whoever changes what `mine` answers says so by `look_over`. `warrant`: by what right this
        controller writes of one that is."""
        self._mine = mine
        self._register.warrant = warrant
        await self._stored_missing.load()
        self._unsubscribe = self._store.subscribe(self._heard)
        self._following = asyncio.create_task(self._follow(), name="host-watch")

    async def look_over(self, host_ids: Collection[str]) -> None:
        """These hosts became this controller's to watch, or ceased to be. Returns when those whose
        agents are listened to already were asked for all that they hold."""
        ids, joined = sorted(host_ids), list[Host]()
        self._gatherings += 1
        try:
            for start in range(0, len(ids), PAGE_SIZE_MAX):
                page = ids[start : start + PAGE_SIZE_MAX]
                hosts = await self._store.find_many(HOSTS, page)
                joined += [host for host in hosts if self._put(host)]
                for host_id in sorted(set(page) - {host.id for host in hosts}):
                    self._remove(host_id)
        finally:
            self._gatherings -= 1
            self._open_lines()
        turns = asyncio.Semaphore(LOOKS_AT_ONCE_MAX)
        await asyncio.gather(*(self._look(host, turns) for host in joined))

    def _open_lines(self) -> None:
        """All hosts of a line before its first poll, which then brings all of them whole."""
        if not self._gatherings:
            for line in self._lines.values():
                line.open()

    async def _look(self, host: Host, turns: asyncio.Semaphore) -> None:
        async with turns:
            line = self._lines.get(host.agent_endpoint)
            if line is not None and host.id in line.hosts:
                await line.look(host.id)

    async def settle(self, *, seconds: float, host_ids: Collection[str] | None = None) -> None:
        """Returns when every agent (or those of these hosts) was heard, or was called in vain, or
        when the time is up."""
        lines = list(self._lines.values())
        if host_ids is not None:
            endpoints = {self._endpoint_of[id] for id in host_ids if id in self._endpoint_of}
            lines = [self._lines[endpoint] for endpoint in sorted(endpoints)]
        waits = [asyncio.create_task(line.heard.wait()) for line in lines]
        if waits:
            _, late = await asyncio.wait(waits, timeout=seconds)
            for wait in late:
                wait.cancel()

    async def close(self) -> None:
        self._unsubscribe()
        self._stored_missing.close()
        running = [task for line in self._lines.values() for task in line.close()]
        if self._following is not None:
            self._following.cancel()
            running.append(self._following)
        await asyncio.gather(*running, return_exceptions=True)
        await self._register.close()

    def silent(self) -> frozenset[str]:
        """Ids of the hosts that are missing now."""
        return frozenset(host for line in self._lines.values() for host in line.missing)

    def _heard(self, changes: Sequence[Change]) -> None:
        hosts = {change.id for change in changes if change.noun == HOSTS.name}
        missing = {c.id for c in changes if c.noun == MISSING_HOSTS.name and c.generation}
        if hosts or missing:
            self._changed |= hosts
            self._told_missing |= missing
            self._wake.set()

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            missing, self._told_missing = self._told_missing, set()
            for host_id in sorted(changed | missing):
                try:
                    if host_id in changed:
                        await self._hear_of(host_id)
                    if host_id in missing:
                        await self._hear_that_missing(host_id)
                except Exception:  # What one host does must not hide what becomes of the others.
                    log.exception("the change of host %s was not followed; it is again", host_id)
                    self._changed |= {host_id} & changed
                    self._told_missing |= {host_id} & missing
                    self._wake.set()
                    await self._clock.sleep(MISS_PAUSE_SECONDS)

    async def _hear_of(self, host_id: str) -> None:
        if not self._mine(host_id):
            # Most are others'. Should it become ours meanwhile, `look_over` reads it.
            self._forget(host_id)
            return
        host = await self._store.find(HOSTS, host_id)
        if host is None:
            self._forget(host_id)
        elif self._put(host):
            await self._lines[host.agent_endpoint].look(host_id)

    async def _hear_that_missing(self, host_id: str) -> None:
        """Whoever watched it before may write so when this controller listens to it already: then
        it is this one's to say that it is back."""
        line = self._lines.get(self._endpoint_of.get(host_id, ""))
        if line is None or host_id in line.missing:
            return
        if await self._store.find(MISSING_HOSTS, host_id) is not None and host_id in line.hosts:
            line.told_missing(host_id)

    def welcome(self, host: Host, inventory: Inventory) -> None:
        """Believes at once in a host that takes VMs now; the change feed says it again."""
        self.regard(host)
        self._believer.report(inventory)

    def regard(self, host: Host) -> None:
        """Believes at once what is about to be written of a host; the change feed says it again.

        `host.generation` is the one that the row will have: what the feed still has to tell of
        older ones is then not believed any more.
        """
        self._put(host)

    def _forget(self, host_id: str) -> None:
        self._generation_of.pop(host_id, None)
        self._remove(host_id)

    def _put(self, host: Host) -> bool:
        """Whether its line was there before, so that nobody will report it whole unasked."""
        if not self._mine(host.id):
            self._forget(host.id)
            return False
        if host.generation < self._generation_of.get(host.id, 0):
            return False
        self._generation_of[host.id] = host.generation
        if not host.provisioned:
            self._remove(host.id)
            return False
        self._believer.put_host(HostView.of(host))
        endpoint = host.agent_endpoint
        if self._endpoint_of.get(host.id) == endpoint:
            return False
        self._leave(host.id)
        self._endpoint_of[host.id] = endpoint
        line = self._lines.get(endpoint)
        joined = line is not None
        if line is None:
            line = self._lines[endpoint] = AgentLine(endpoint, self._ears)
        line.join(host.id, missing=host.id in self._stored_missing)
        if not joined:
            self._open_lines()
        return joined and line.is_open

    def _remove(self, host_id: str) -> None:
        self._leave(host_id)
        self._believer.remove_host(host_id)

    def _leave(self, host_id: str) -> None:
        endpoint = self._endpoint_of.pop(host_id, None)
        if endpoint is None:
            return
        line = self._lines[endpoint]
        line.leave(host_id)
        if not line.hosts:
            line.close()
            del self._lines[endpoint]
