"""A member with a task, an office, a leaf and the chair, which is frozen; then it goes on.

    python -m tests.kill.late_writer URL LEASE_SECONDS

It says one line of JSON when it has all of it, and waits for a line. By then it was frozen, and
others have its place. It tries each write that it was about to make, and says what came of each:
the name of the refusal, or "done".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from photon.coordination.in_store import StoreCoordination
from photon.coordination.office_rows import taking
from photon.coordination.protocol import CONTROLLER
from photon.coordination.terms import LeaseTerms
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.member import Member, Office
from photon.domain.missing_host import MissingHost
from photon.domain.task import StepRecord, Task, TaskState
from photon.domain.topology import HostSeat, LeafRow, Topology, Traits
from photon.domain.zone import Zone
from photon.outside.clock import RealClock
from photon.reconcilers.host_register import HostRegister
from photon.reconcilers.incumbency import Incumbency
from photon.store.nouns import (
    HOSTS,
    LEAVES,
    MEMBERS,
    MISSING_HOSTS,
    NOUNS,
    OFFICES,
    SEATS,
    TASKS,
    TOPOLOGY,
    ZONES,
)
from photon.store.opening import open_store
from photon.store.protocol import CloudStore, Delete, Insert, Require, Update, Write
from photon.tasks.journal import TaskJournal
from photon.tasks.saga import Plan

ME, TASK, LEAF, HOST, OFFICE = "frozen", "task-1", "leaf-1", "host-1", "housekeeper"

Try = Callable[[], Awaitable[object]]


@dataclass
class LateWriter:
    """What it remembers from before it was frozen."""

    store: CloudStore
    coordination: StoreCoordination
    journal: TaskJournal
    right_of_office: Sequence[Require]
    task: Task
    topology: Topology
    leaf: LeafRow
    seat: HostSeat
    office: Office
    heir: Member

    def tries(self) -> dict[str, Try]:
        replace, put = msgspec.structs.replace, self._put
        return {
            "journal": self._journal,
            "end of a task": self._end,
            "adoption": lambda: put(Update(TASKS, replace(self.task, owner=ME))),
            "duty of the office": lambda: self.store.commit(
                [*self.right_of_office, Insert(ZONES, Zone("late", "late"))]
            ),
            "office": lambda: self.store.commit(taking(OFFICE, self.office, ME)),
            "topology": lambda: put(Update(TOPOLOGY, replace(self.topology, chairman=ME))),
            "leaf": lambda: put(Update(LEAVES, replace(self.leaf, leaving=True))),
            "seat": lambda: put(Update(SEATS, replace(self.seat, leaf_id=LEAF, next_leaf_id=""))),
            "host is back": self._back,
            "host is missing": self._lost,
            "another's end": lambda: put(Delete(MEMBERS, self.heir.id, self.heir.generation)),
            "own heartbeat": self._beat,
        }

    async def _put(self, write: Write) -> None:
        await self.store.commit([write])

    async def _journal(self) -> None:
        self.journal.completed("STEP", msgspec.Raw(b'"late"'))
        await self.journal.flush()

    async def _end(self) -> None:
        async def plan() -> Plan:
            return Plan([Insert(ZONES, Zone("ended", "ended"))])

        await self.journal.end(plan, state=TaskState.COMPLETED)

    def _right(self, host_id: str) -> Sequence[Require]:
        return [
            Require(LEAVES, LEAF, {"owner": ME}),
            Require(SEATS, host_id, {"leaf_id": LEAF}),
        ]

    async def _back(self) -> None:
        register = HostRegister(self.store, RealClock(), self._right)
        if not await register.found([HOST]):
            raise PermissionError

    async def _lost(self) -> None:
        await self.store.commit(
            [*self._right(HOST), Insert(MISSING_HOSTS, MissingHost("host-2", 1, "late"))]
        )

    async def _beat(self) -> None:
        await self.coordination._renew()
        if not self.coordination.holds():
            raise PermissionError


async def main(url: str, lease_seconds: float) -> None:
    store, clock = await open_store(url, NOUNS, RealClock()), RealClock()
    terms = LeaseTerms(lease_seconds)
    coordination = StoreCoordination(store, clock, terms, lambda: None, sole=False)
    await coordination.join(Member(ME, ME, CONTROLLER, ""))
    leadership = coordination.campaign(OFFICE)
    await leadership.wait()
    right = await Incumbency(store, leadership, ME).condition()
    rows = await _rows(store)
    heir = next(one for one in (await store.page(MEMBERS, {}, limit=9)).items if one.id != ME)
    office = await store.find(OFFICES, OFFICE)
    assert office is not None
    fence = await store.revision()
    journal = TaskJournal(store, clock, rows[0], fence)
    await journal.starting("STEP", "STEP")
    await journal.flush()
    late = LateWriter(store, coordination, journal, right, journal.task, *rows[1:], office, heir)
    _say({"ready": True})
    await asyncio.to_thread(sys.stdin.readline)
    # Of what it hears now it would learn that it is dead; it was in the middle of these.
    _say({name: await _outcome(act) for name, act in late.tries().items()})
    await coordination.leave()
    await store.close()


async def _rows(store: CloudStore) -> tuple[Task, Topology, LeafRow, HostSeat]:
    """What it owns, as it is stored."""
    task = Task(TASK, "DO", "vm", "vm-1", 1, owner=ME, steps=(StepRecord("STEP"),))
    topology = Topology(chairman=ME)
    leaf = LeafRow(LEAF, owner=ME)
    seat = HostSeat(HOST, LEAF, Traits("", "CLOUD", ""))
    host = Host(HOST, "10.0.0.1", "root", "x", (UsageTag.CLOUD,), HostState.READY)
    await store.commit(
        [
            Insert(TASKS, task),
            Insert(TOPOLOGY, topology),
            Insert(LEAVES, leaf),
            Insert(SEATS, seat),
            Insert(HOSTS, host),
        ]
    )
    stored = msgspec.structs.replace
    return (
        stored(task, generation=1),
        stored(topology, generation=1),
        stored(leaf, generation=1),
        stored(seat, generation=1),
    )


async def _outcome(act: Try) -> str:
    try:
        await act()
    except Exception as refusal:  # Whatever it is, it is told.
        return type(refusal).__name__
    return "done"


def _say(what: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
