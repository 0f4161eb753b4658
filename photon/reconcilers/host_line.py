"""One agent process, polled for ever: what its hosts report, and which of them are missing.

A long poll is the heartbeat of all of them. A host that goes missing takes nothing new at once. One
that is steady again is back when all that is on it was held against the store, and that it is back
is durable.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Protocol

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import HostReport, Inventory, Refusal, ReportBatch
from photon.domain.placement import HostView
from photon.outside.clock import Clock
from photon.reconcilers.heartbeat import BEAT_SECONDS, Heartbeats
from photon.reconcilers.host_register import HOSTS_A_SET_MAX, HostRegister

POLL_WAIT_MS: Final = 5000  # The heartbeat's period when nothing changes.
HASTY_POLL_WAIT_MS: Final = 1000  # And while a host is in doubt: a window is over in seconds.
POLL_PAUSE_SECONDS: Final = 0.25  # Changes within this are heard of together.
MISS_PAUSE_SECONDS: Final = 1.0
TAKEN_AT_ONCE_MAX: Final = 100  # Reports and guests; some 5 ms, then requests have their turn.
# Each is a call and some reads, of all hosts of an agent that was away; placements go on meanwhile.
RECONCILED_AT_ONCE_MAX: Final = 16

log = logging.getLogger(__name__)


class Believer(Protocol):
    """The scheduler's leaf, as these duties see it."""

    def put_host(self, view: HostView) -> None: ...
    def remove_host(self, host_id: str) -> None: ...
    def report(self, report: HostReport | Inventory) -> bool: ...
    def missing(self, host_id: str) -> None: ...
    def back(self, host_id: str) -> None: ...


class Keeper(Protocol):
    """Who holds what hosts have against what the store says."""

    async def observe(self, report: HostReport) -> None:
        """A host reported by itself, and the scheduler was told."""
        ...

    async def reconcile(self, host_id: str) -> bool:
        """Whether all that is on the host was looked at, now, and what it owes is paid."""
        ...


@dataclass(frozen=True, slots=True)
class Ears:
    """What all lines share."""

    agents: Agents
    believer: Believer
    keeper: Keeper
    register: HostRegister
    clock: Clock


@dataclass(slots=True)
class AgentLine:
    """`hosts` are ours behind it, and `missing` some of these. Only `join` and `leave` change them
    from outside. `heard`: the agent was heard whole once, or called in vain."""

    endpoint: str
    ears: Ears
    hosts: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    _boot_id: str = ""
    _cursor: int = 0
    _alive: frozenset[str] | None = None  # whom its last answer that named hosts named
    _beats: Heartbeats = field(default_factory=Heartbeats)
    _beat_at: float = float("-inf")
    # Hosts that would not tell all they hold when they were asked, in order: asked again.
    _unlooked: dict[str, None] = field(default_factory=dict)
    _polling: asyncio.Task[None] | None = None
    _returning: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        return self._polling is not None

    def open(self) -> None:
        """Once; nothing the second time."""
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll(), name=f"poll {self.endpoint}")

    def join(self, host_id: str, *, missing: bool) -> None:
        """`missing`: the store says so, since before anybody listened here."""
        self.hosts.add(host_id)
        self._beats.join(host_id)
        if missing:
            self.told_missing(host_id)

    def told_missing(self, host_id: str) -> None:
        self.missing.add(host_id)
        self.ears.believer.missing(host_id)

    def leave(self, host_id: str) -> None:
        self.hosts.discard(host_id)
        self.missing.discard(host_id)
        self._unlooked.pop(host_id, None)
        self._beats.leave(host_id)

    def close(self) -> list[asyncio.Task[None]]:
        """What was running, and ends now."""
        running = [task for task in (self._polling, self._returning) if task is not None]
        for task in running:
            task.cancel()
        return running

    # Polling

    async def _poll(self) -> None:
        while True:
            hasty = bool(self.missing) or self._beats.in_doubt()
            began = self.ears.clock.monotonic()
            try:
                batch = await self.ears.agents.report(
                    self.endpoint,
                    self._boot_id,
                    self._cursor,
                    HASTY_POLL_WAIT_MS if hasty else POLL_WAIT_MS,
                )
                await self._take(batch)
                await self._look_again()
            except (AgentUnreachable, AgentFaulty) as problem:
                self._missed(problem)
                await self.ears.clock.sleep(MISS_PAUSE_SECONDS)
                continue
            except Exception:  # Nobody else listens to these hosts: one bad report ends nothing.
                log.exception(
                    "a report of %s could not be used; it is asked for again", self.endpoint
                )
                await self.ears.clock.sleep(MISS_PAUSE_SECONDS)
                continue
            if batch.more:
                continue
            self.heard.set()
            # After a whole wait in which nothing changed there is nothing to gather: what comes now
            # is heard at once.
            waited = self.ears.clock.monotonic() - began > BEAT_SECONDS
            if hasty or batch.reports or not waited:
                await self.ears.clock.sleep(POLL_PAUSE_SECONDS)

    async def _take(self, batch: ReportBatch) -> None:
        taken = 0
        for report in batch.reports:
            taken += 1 + len(report.guests)
            if taken >= TAKEN_AT_ONCE_MAX:
                taken = 0
                await self.ears.clock.sleep(0)
            if report.host_id not in self.hosts:
                continue
            if not self.ears.believer.report(report):
                await self.look(report.host_id)
            await self.ears.keeper.observe(report)
        if batch.boot_id != self._boot_id:
            self._alive = None  # What an earlier boot said counts no more.
        self._boot_id, self._cursor = batch.boot_id, batch.cursor
        if batch.hosts is not None:
            self._alive = frozenset(batch.hosts)
        if self._alive is not None:
            self._answered(self._alive)

    async def look(self, host_id: str) -> None:
        """The reports do not fit what is believed: ask for all of it."""
        try:
            inventory = await self.ears.agents.inventory(HostAddress(self.endpoint, host_id))
        except (AgentUnreachable, AgentFaulty, Refusal) as problem:
            log.warning("no inventory of host %s, it is asked again: %s", host_id, problem)
            if host_id in self.hosts:
                self._unlooked[host_id] = None
            return
        self._unlooked.pop(host_id, None)
        self.ears.believer.report(inventory)

    async def _look_again(self) -> None:
        """The agent answers now. Nothing else tells of these: no report is whole unasked."""
        for host_id in list(self._unlooked):
            await self.look(host_id)

    # Beats

    def _missed(self, problem: Exception) -> None:
        self.heard.set()
        self._beat_at = self.ears.clock.monotonic()
        self._beats.silence()
        self._lose(self._beats.lost(self.hosts), str(problem))

    def _answered(self, alive: AbstractSet[str]) -> None:
        """The agent speaks for its hosts: one that it leaves out does not answer it."""
        now = self.ears.clock.monotonic()
        if now - self._beat_at < BEAT_SECONDS:
            return
        self._beat_at = now
        self._beats.answer(self.hosts - alive)
        self._lose(self._beats.lost(self.hosts), "its agent answers, and does not name it")
        self._bring_back()

    def _lose(self, hosts: Collection[str], why: str) -> None:
        lost = sorted(set(hosts) - self.missing)
        if not lost:
            return
        log.warning("%d hosts are missing behind %s: %s", len(lost), self.endpoint, why)
        for host_id in lost:
            self.ears.believer.missing(host_id)
        self.missing.update(lost)
        self.ears.register.lost(lost, why)

    # Coming back

    def _bring_back(self) -> None:
        if not self.missing or (self._returning is not None and not self._returning.done()):
            return
        steady = sorted(self._beats.steady(self.missing))
        if steady:
            self._returning = asyncio.create_task(self._return(steady), name=f"{self.endpoint}")

    async def _return(self, steady: Sequence[str]) -> None:
        for start in range(0, len(steady), HOSTS_A_SET_MAX):
            part = steady[start : start + HOSTS_A_SET_MAX]
            turns = asyncio.Semaphore(RECONCILED_AT_ONCE_MAX)
            try:
                agreed = await asyncio.gather(
                    *(self._reconcile(host_id, turns) for host_id in part)
                )
                ready = self._beats.steady({id for id in agreed if id} & self.missing)
                for host_id in await self.ears.register.found(sorted(ready)) if ready else ():
                    self.missing.discard(host_id)
                    self.ears.believer.back(host_id)
            except Exception:  # A host that is kept waiting is tried again with the next beat.
                log.exception("hosts behind %s are not back yet", self.endpoint)
                return
        log.info("hosts behind %s came back; %d are missing", self.endpoint, len(self.missing))

    async def _reconcile(self, host_id: str, turns: asyncio.Semaphore) -> str | None:
        async with turns:
            return host_id if await self.ears.keeper.reconcile(host_id) else None
