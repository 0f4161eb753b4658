"""Keeps the scheduler's belief true: which hosts there are, and what each of them holds.

One long poll per agent process brings the heartbeat of all its hosts and what changed on them. A
host whose agent misses MISSES_MAX polls in a row takes nothing new until it answers again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import HostReport, Inventory, Refusal, ReportBatch
from photon.domain.host import Host
from photon.domain.placement import HostView
from photon.outside.clock import Clock
from photon.store.nouns import HOSTS
from photon.store.protocol import Change, CloudStore

POLL_WAIT_MS: Final = 5000  # The heartbeat's period when nothing changes.
POLL_PAUSE_SECONDS: Final = 0.25  # Changes within this are heard of together.
MISSES_MAX: Final = 3  # One lost poll is a hiccup; three in a row are an outage.
MISS_PAUSE_SECONDS: Final = 1.0
HOSTS_PAGE: Final = 100

log = logging.getLogger(__name__)


class Believer(Protocol):
    """The scheduler's leaf, as this duty sees it."""

    def put_host(self, view: HostView) -> None: ...
    def remove_host(self, host_id: str) -> None: ...
    def report(self, report: HostReport | Inventory) -> bool: ...
    def missing(self, host_id: str) -> None: ...
    def back(self, host_id: str) -> None: ...


@dataclass(slots=True)
class _Line:
    """One agent process, and the hosts of ours that are behind it."""

    endpoint: str
    hosts: set[str] = field(default_factory=set)
    boot_id: str = ""
    cursor: int = 0
    misses: int = 0
    silent: set[str] = field(default_factory=set)
    alive: frozenset[str] | None = None  # whom its last answer that named hosts named
    absent: set[str] = field(default_factory=set)  # from the last heartbeat
    heard: asyncio.Event = field(default_factory=asyncio.Event)  # all of it once, or not at all
    polling: asyncio.Task[None] | None = None


class HostWatch:
    """`observe` is told of every report, after the scheduler was."""

    def __init__(
        self,
        store: CloudStore,
        agents: Agents,
        believer: Believer,
        clock: Clock,
        observe: Callable[[HostReport], Awaitable[None]],
    ) -> None:
        self._store = store
        self._agents = agents
        self._believer = believer
        self._clock = clock
        self._observe = observe
        self._lines: dict[str, _Line] = {}
        self._endpoint_of: dict[str, str] = {}
        self._generation_of: dict[str, int] = {}  # of the row that is believed
        self._changed: set[str] = set()
        self._wake = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Believes in every host of the store, then follows the change feed."""
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

    async def settle(self, *, seconds: float) -> None:
        """Returns when every agent was heard, or was called in vain, or when the time is up."""
        waits = [asyncio.create_task(line.heard.wait()) for line in self._lines.values()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=seconds)
            for wait in late:
                wait.cancel()

    async def close(self) -> None:
        self._unsubscribe()
        polling = [line.polling for line in self._lines.values() if line.polling is not None]
        running = [*polling, *([self._following] if self._following else [])]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def silent(self) -> frozenset[str]:
        """Ids of the hosts whose agents do not answer now."""
        return frozenset(host for line in self._lines.values() for host in line.silent)

    def _heard(self, changes: Sequence[Change]) -> None:
        hosts = {change.id for change in changes if change.noun == HOSTS.name}
        if hosts:
            self._changed |= hosts
            self._wake.set()

    async def _follow(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            changed, self._changed = self._changed, set()
            for host_id in changed:
                try:
                    await self._hear_of(host_id)
                except Exception:  # What one host does must not hide what becomes of the others.
                    log.exception("the change of host %s was not followed; it is again", host_id)
                    self._changed.add(host_id)
                    self._wake.set()
                    await self._clock.sleep(MISS_PAUSE_SECONDS)

    async def _hear_of(self, host_id: str) -> None:
        host = await self._store.find(HOSTS, host_id)
        if host is None:
            self._generation_of.pop(host_id, None)
            self._remove(host_id)
        elif self._put(host):
            await self._look(self._lines[host.agent_endpoint], host_id)

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

    def _put(self, host: Host) -> bool:
        """Whether its line was there before, so that nobody will report it whole unasked."""
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
            line = self._lines[endpoint] = _Line(endpoint)
            line.polling = asyncio.create_task(self._poll(line), name=f"poll {endpoint}")
        line.hosts.add(host.id)
        return joined

    def _remove(self, host_id: str) -> None:
        self._leave(host_id)
        self._believer.remove_host(host_id)

    def _leave(self, host_id: str) -> None:
        endpoint = self._endpoint_of.pop(host_id, None)
        if endpoint is None:
            return
        line = self._lines[endpoint]
        line.hosts.discard(host_id)
        line.silent.discard(host_id)
        if not line.hosts:
            del self._lines[endpoint]
            if line.polling is not None:
                line.polling.cancel()

    async def _poll(self, line: _Line) -> None:
        while True:
            try:
                batch = await self._agents.report(
                    line.endpoint, line.boot_id, line.cursor, POLL_WAIT_MS
                )
                await self._take(line, batch)
            except (AgentUnreachable, AgentFaulty) as problem:
                self._missed(line, problem)
                await self._clock.sleep(MISS_PAUSE_SECONDS)
                continue
            except Exception:  # Nobody else listens to these hosts: one bad report ends nothing.
                log.exception(
                    "a report of %s could not be used; it is asked for again", line.endpoint
                )
                await self._clock.sleep(MISS_PAUSE_SECONDS)
                continue
            if not batch.more:
                line.heard.set()
                await self._clock.sleep(POLL_PAUSE_SECONDS)

    def _missed(self, line: _Line, problem: Exception) -> None:
        line.misses += 1
        line.heard.set()
        if line.misses == MISSES_MAX:
            log.warning("%d hosts are missing: %s", len(line.hosts), problem)
        if line.misses >= MISSES_MAX:
            for host_id in line.hosts - line.silent:
                self._believer.missing(host_id)
            line.silent |= line.hosts

    async def _take(self, line: _Line, batch: ReportBatch) -> None:
        line.misses = 0
        for report in batch.reports:
            if report.host_id not in line.hosts:
                continue
            if not self._believer.report(report):
                await self._look(line, report.host_id)
            await self._observe(report)
        if batch.boot_id != line.boot_id:
            line.alive = None  # What an earlier boot said counts no more.
        line.boot_id, line.cursor = batch.boot_id, batch.cursor
        if batch.hosts is not None:
            line.alive = frozenset(batch.hosts)
        if line.alive is not None:
            self._count_present(line, line.alive)

    def _count_present(self, line: _Line, present: frozenset[str]) -> None:
        """The agent speaks for its hosts: one that it leaves out twice does not answer it.

        Once is not enough, for what it says now may be older than the host's provisioning.
        """
        for host_id in line.silent & present:
            self._believer.back(host_id)
            line.silent.discard(host_id)
        absent = line.hosts - present
        for host_id in (absent & line.absent) - line.silent:
            log.warning("host %s does not answer its agent", host_id)
            self._believer.missing(host_id)
            line.silent.add(host_id)
        line.absent = absent

    async def _look(self, line: _Line, host_id: str) -> None:
        """The reports do not fit what is believed: ask for all of it."""
        try:
            inventory = await self._agents.inventory(HostAddress(line.endpoint, host_id))
        except (AgentUnreachable, AgentFaulty, Refusal) as problem:
            log.warning("no inventory of host %s: %s", host_id, problem)
            return
        self._believer.report(inventory)
