"""Several controllers' parts of one scheduler tree, over one store, in a time that a test turns.

Real: the store, coordination in it, chairmen, keepers, trees, leaves. Made up: the hosts, which say
what they hold and have the last word, and the way from one controller to another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from photon.coordination.in_store import StoreCoordination
from photon.coordination.protocol import CONTROLLER
from photon.coordination.terms import LeaseTerms
from photon.domain.demand import Demand, NoPlacement, Placement, Reason, ReasonCount
from photon.domain.fits import Fits
from photon.domain.guest import AgentRefusal, Guest, GuestState, Inventory
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.member import Member
from photon.domain.placement import HostView
from photon.reconcilers.chairman import Chairman, Realm
from photon.reconcilers.leaf_moves import Outlook
from photon.reconcilers.topology_rows import TopologyRows
from photon.reconcilers.tree_keeper import TreeKeeper
from photon.scheduler.patience import PatientRoot
from photon.scheduler.protocol import ChildNode, SchedulerNode
from photon.scheduler.shape import TreeShape
from photon.scheduler.summary import Summary, silence, silenced
from photon.scheduler.treetop import TreeTop
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import HOSTS, LEAVES, NOUNS, SEATS
from photon.store.protocol import Delete, Insert, Update
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.coordination.turning import TurnedTime
from tests.scheduler.cloud import an_inventory

HOST_MIB: Final = 8192
TRIES_MAX: Final = 6


@dataclass
class TrueHost:
    """What a host has: its own word, which is the last."""

    host: Host
    memory_mib: int = HOST_MIB
    generation: int = 1
    guests: dict[str, int] = field(default_factory=dict)

    def admit(self, vm_id: str, memory_mib: int) -> bool:
        if vm_id not in self.guests and sum(self.guests.values()) + memory_mib > self.memory_mib:
            return False
        self.guests[vm_id] = memory_mib
        self.generation += 1
        return True

    def inventory(self) -> Inventory:
        guests = tuple(
            Guest(id, id, GuestState.STOPPED, 1, mib, "ds") for id, mib in self.guests.items()
        )
        return an_inventory(
            self.host.id,
            memory_mib=self.memory_mib,
            guests=guests,
            generation=self.generation,
        )


class World:
    def __init__(self, shape: TreeShape | None = None) -> None:
        self.time = TurnedTime()
        options = SqliteOptions(durably=Inline())
        self.store = SqliteStore(MEMORY, NOUNS, self.time.clock(), options)
        self.shape = shape or TreeShape(leaf_hosts_max=4, fan_out_max=4)
        self.hosts: dict[str, TrueHost] = {}
        self.parts: dict[str, Part] = {}  # by member id
        self.refused: list[tuple[str, NoPlacement]] = []
        self.placed: dict[str, str] = {}
        self._made = 0

    async def close(self) -> None:
        for part in list(self.parts.values()):
            await part.kill()
        await self.store.close()

    async def part(self, name: str) -> Part:
        """A controller comes."""
        self._made += 1
        part = Part(self, Member(f"{name}#{self._made}", name, CONTROLLER, "http://x"))
        self.parts[part.me.id] = part
        await part.start()
        await self.time.settle()
        return part

    async def add_hosts(self, *ids: str, zone: str | None = None) -> None:
        """They are provisioned; nobody asked for their seats."""
        for id in ids:
            host = Host(
                id, id, "root", "x", (UsageTag.CLOUD,), HostState.READY, zone, provisioned=True
            )
            self.hosts[id] = TrueHost(host)
            await self.store.commit([Insert(HOSTS, host)])

    async def set_zone(self, id: str, zone: str) -> None:
        row = await self.store.find(HOSTS, id)
        assert row is not None
        changed = Host(**{**_fields(row), "zone_id": zone})
        await self.store.commit([Update(HOSTS, changed)])

    async def remove_hosts(self, *ids: str) -> None:
        for id in ids:
            del self.hosts[id]
            await self.store.commit([Delete(HOSTS, id)])

    def say(self, host_id: str) -> None:
        """The host's report, to whoever listens to it."""
        for part in self.parts.values():
            if not part.frozen and host_id in part.listening:
                part.top.report(self.hosts[host_id].inventory())

    async def create(self, part: Part, demand: Demand) -> None:
        """As the saga does: place, ask the host, place again when that refuses."""
        excluded: frozenset[str] = frozenset()
        for _ in range(TRIES_MAX):
            asked = Demand(**{**_fields(demand), "hosts_excluded": excluded})
            answer = await part.root.place(asked)
            if isinstance(answer, NoPlacement):
                self.refused.append((demand.id, answer))
                return
            if self.hosts[answer.host_id].admit(demand.id, demand.memory_mib):
                self.placed[demand.id] = answer.host_id
                await part.root.confirm(asked, answer)
                self.say(answer.host_id)
                return
            await part.root.refused(answer, AgentRefusal.NOT_ENOUGH_MEMORY)
            excluded |= {answer.host_id}
        self.refused.append((demand.id, NoPlacement(0, ())))

    async def owners(self) -> dict[str, str]:
        """Of each leaf, the name of the controller that the store says owns it."""
        rows = (await self.store.page(LEAVES, {}, limit=500)).items
        names = {part.me.id: part.me.name for part in self.parts.values()}
        return {row.id: names.get(row.owner, "nobody") for row in rows}

    async def seats(self) -> dict[str, str]:
        return {row.id: row.leaf_id for row in (await self.store.page(SEATS, {}, limit=500)).items}

    async def until(self, happened: Callable[[], bool], *, seconds: float = 120.0) -> None:
        for _ in range(int(seconds / 0.5)):
            if happened():
                return
            await self.time.turn(0.5)
        raise AssertionError("it never happened")

    def at_rest(self) -> bool:
        """Each host has a leaf, and each living controller knows who answers for all of them."""
        living = [part for part in self.parts.values() if not part.frozen]
        return all(
            not part.keeper.is_rebuilding()
            and set(part.rows.seats) == set(self.hosts)
            and all(seat.leaf_id and not seat.next_leaf_id for seat in part.rows.seats.values())
            and all(not row.heir for row in part.rows.leaves.values())
            for part in living
        )


class Part:
    """One controller's part of the tree."""

    def __init__(self, world: World, me: Member) -> None:
        self.world = world
        self.me = me
        self.clock = world.time.clock(offset_seconds=1000.0 * len(world.parts))
        self.lost = False
        self.listening: set[str] = set()
        self.doors: dict[str, ChildNode] = {}
        self.announced: list[str] = []
        self.coordination = StoreCoordination(
            world.store, self.clock, LeaseTerms(), self._be_lost, sole=False
        )
        self.rows = TopologyRows(world.store, self.clock)
        self.top = TreeTop(self.clock, Random(7), world.shape)
        outlook = Outlook(world.store, self.rows, FakeWays(self), self.clock, self._announce)
        self.keeper = TreeKeeper(outlook, self.coordination, self.top, me.id)
        realm = Realm(world.store, self.rows, self.coordination, self.clock, world.shape)
        self.chairman = Chairman(realm, me.id)
        self.root = PatientRoot(self.top.root, self.keeper, self.clock)

    @property
    def frozen(self) -> bool:
        return self.clock.frozen

    async def start(self) -> None:
        await self.coordination.join(self.me)
        await self.rows.start()
        self.keeper.start(self)
        self.chairman.start()

    async def kill(self) -> None:
        """As by kill -9: it says nothing more, and nobody is told."""
        self.world.parts.pop(self.me.id, None)
        await self.chairman.close()
        await self.keeper.close()
        await self.rows.close()
        await self.coordination._stop()  # what a dead process does not do is renew its lease

    def _be_lost(self) -> None:
        self.lost = True

    async def _announce(self, host_ids: Collection[str], node: SchedulerNode) -> None:
        self.announced += host_ids

    # The watch of hosts

    async def look_over(self, host_ids: Collection[str]) -> None:
        for id in host_ids:
            known = self.world.hosts.get(id)
            if known is None or not self.keeper.keeps(id):
                self.listening.discard(id)
                self.top.remove_host(id)
                continue
            self.listening.add(id)
            self.top.put_host(HostView.of(known.host))
            await asyncio.sleep(0)
            if id in self.listening and id in self.world.hosts:
                self.top.report(known.inventory())

    async def settle(self, *, seconds: float, host_ids: Collection[str] | None = None) -> None:
        await asyncio.sleep(0)


class FakeWays:
    """A network without bytes: a call takes a moment, and the dead do not answer."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._far: dict[tuple[str, str], Far] = {}

    def node(
        self, member: Member, leaf_id: str, owns: Callable[[str], bool], hosts: int
    ) -> ChildNode:
        far = self._far.get((member.id, leaf_id))
        if far is None:
            far = Far(self._part.world, member.id, leaf_id, owns)
            self._far[member.id, leaf_id] = far
        far.hosts = hosts
        return far

    def retain(self, members: Collection[Member]) -> None: ...

    def admit(self, leaf_id: str, node: ChildNode) -> None:
        self._part.doors[leaf_id] = node

    def withdraw(self, leaf_id: str) -> None:
        self._part.doors.pop(leaf_id, None)


class Far:
    """A leaf of another controller."""

    def __init__(
        self, world: World, member_id: str, leaf_id: str, owns: Callable[[str], bool]
    ) -> None:
        self._world = world
        self._member_id = member_id
        self._leaf_id = leaf_id
        self._silences = 0
        self.owns = owns
        self.hosts = 1
        self._last = Summary()

    def _there(self) -> ChildNode | None:
        part = self._world.parts.get(self._member_id)
        return None if part is None or part.frozen else part.doors.get(self._leaf_id)

    def summary(self) -> Summary:
        there = self._there()
        if there is None:
            self._silences += 1
            return silenced(self._last, self.hosts, ("silent", self._silences))
        self._last = there.summary()
        return self._last

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        await asyncio.sleep(0)
        there = self._there()
        answer = silence(self.hosts) if there is None else await there.place(demand)
        await asyncio.sleep(0)
        return answer if self._there() is not None else silence(self.hosts)

    async def fits(self, demand: Demand) -> Fits:
        return Fits(self.hosts, reasons=(ReasonCount(Reason.NODE_SILENT, self.hosts),))

    async def hold(self, demand: Demand, placement: Placement) -> None:
        await self._tell("hold", demand, placement)

    async def confirm(self, demand: Demand, placement: Placement) -> None:
        await self._tell("confirm", demand, placement)

    async def release(self, demand_id: str, host_id: str) -> None:
        await self._tell("release", demand_id, host_id)

    async def refused(self, placement: Placement, reason: str) -> None:
        await self._tell("refused", placement, reason)

    async def _tell(self, what: str, *said: Any) -> None:
        await asyncio.sleep(0)
        there = self._there()
        if there is not None:
            await getattr(there, what)(*said)


def _fields(entity: Any) -> dict[str, Any]:
    return {name: getattr(entity, name) for name in entity.__struct_fields__}


def a_vm(number: int, memory_mib: int = 512, **more: Any) -> Demand:
    return Demand(f"vm-{number}", 0, memory_mib, **more)
