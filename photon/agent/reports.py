"""What one process answers to `report`: the heartbeat of all its hosts, and what changed on them.

A reader without a place in this boot's log gets every host in full, in pages. Where it is in that
tour is in its cursor: below zero, and made of the log's end when the tour began and the next host.
After the tour it reads on from where the log was at its beginning, so it misses nothing.

Which hosts are alive is said at a tour's end, and then only when it is another answer than before:
a heartbeat of ten thousand hosts in which nothing changed is some fifty bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from photon.agent.changes import Changed, ChangeLog, Entry
from photon.agent.host import AgentHost
from photon.domain.guest import HostReport, ReportBatch
from photon.outside.clock import Clock

# Guests, disks and hosts in one answer: about 400 KiB on the wire. Its reader decodes it in one go,
# some 30 ms in which a controller that starts answers nobody else.
PAGE_ENTRIES_MAX = 1000
WAIT_MS_MAX = 30_000  # Callers ask again at once; a shorter wait finds dead connections sooner.
# After the first change, so that a burst of creates is one answer and not hundreds.
GATHER_SECONDS = 0.05

_POSITIONS = 1 << 20  # More hosts than one process can have.


class Served(Protocol):
    """The hosts that a reporter speaks of."""

    @property
    def by_address(self) -> Mapping[str, AgentHost]: ...
    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses in an order that does not change while the process lives."""
        ...

    def alive(self, address: str) -> bool:
        """Whether the host is owned and answers."""
        ...

    def alive_ids(self) -> tuple[str, ...]: ...
    @property
    def alive_since(self) -> int:
        """The place in the log of changes since which `alive_ids` are the same."""
        ...


class Reporter:
    """Answers `report` for one process; `boot_id` names this life of it."""

    def __init__(self, boot_id: str, hosts: Served, changes: ChangeLog, clock: Clock) -> None:
        self._boot_id = boot_id
        self._hosts = hosts
        self._changes = changes
        self._clock = clock

    def end(self) -> None:
        """Answers whoever waits, and lets nobody wait again."""
        self._changes.end()

    async def report(self, boot_id: str, cursor: int, wait_ms: int) -> ReportBatch:
        if boot_id != self._boot_id:
            return await self._tour(self._changes.last, 0)
        if cursor < 0:
            began, position = divmod(-cursor - 1, _POSITIONS)
            return await self._tour(began, position)
        if not self._changes.knows_all_since(cursor):
            return await self._tour(self._changes.last, 0)
        if cursor == self._changes.last and wait_ms > 0:
            await self._wait(cursor, min(wait_ms, WAIT_MS_MAX) / 1000)
        if not self._changes.knows_all_since(cursor):
            return await self._tour(self._changes.last, 0)
        return await self._news(cursor)

    async def _wait(self, cursor: int, seconds: float) -> None:
        await self._changes.wait_past(cursor, seconds)
        if self._changes.last > cursor:
            await self._clock.sleep(min(GATHER_SECONDS, seconds))

    async def _tour(self, began: int, position: int) -> ReportBatch:
        addresses = self._hosts.addresses
        reports: list[HostReport] = []
        entries = 0
        while position < len(addresses) and entries < PAGE_ENTRIES_MAX:
            address = addresses[position]
            position += 1
            entries += 1
            if self._hosts.alive(address):
                report = await self._hosts.by_address[address].report_all()
                entries += len(report.guests) + len(report.disks)
                reports.append(report)
        more = position < len(addresses)
        cursor = -(began * _POSITIONS + position) - 1 if more else began
        alive = None if more else self._hosts.alive_ids()
        return ReportBatch(self._boot_id, cursor, alive, tuple(reports), more=more)

    async def _news(self, cursor: int) -> ReportBatch:
        news = self._changes.since(cursor)
        page = news[:PAGE_ENTRIES_MAX]
        by_address: dict[str, list[Entry]] = {}
        for entry, _ in page:
            if entry.kind is not Changed.ALIVE:
                by_address.setdefault(entry.address, []).append(entry)
        reports = [
            await _of(self._hosts.by_address[address], entries)
            for address, entries in by_address.items()
            if self._hosts.alive(address)
        ]
        # Whoever is at this place in the log was told of all that happened before it.
        alive = None if cursor >= self._hosts.alive_since else self._hosts.alive_ids()
        reached = page[-1][1] if page else cursor
        return ReportBatch(
            self._boot_id, reached, alive, tuple(reports), more=len(news) > len(page)
        )


async def _of(host: AgentHost, entries: list[Entry]) -> HostReport:
    if any(entry.kind is Changed.ALL for entry in entries):
        return await host.report_all()
    return await host.report_some(
        {entry.name for entry in entries if entry.kind is Changed.GUEST},
        {entry.name for entry in entries if entry.kind is Changed.DISK},
    )
