"""Controllers come, go, die and flap; hosts come and go: and nobody is refused because of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import cast

import pytest
from msgspec.structs import replace

from photon.domain.guest import Inventory
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.topology import TOPOLOGY_ID, Traits
from photon.reconcilers.attendance import SETTLE_SECONDS
from photon.reconcilers.host_watch import HostWatch
from photon.reconcilers.seating import Seating
from photon.store import nouns
from photon.store.nouns import LEAVES, SEATS, TOPOLOGY
from photon.store.protocol import Insert, Update
from tests.reconcilers.tree_world import Part, World, a_vm
from tests.scheduler.cloud import an_inventory

HOSTS = [f"h{number:02d}" for number in range(24)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


async def three(world: World) -> list[Part]:
    await world.add_hosts(*HOSTS)
    parts = [await world.part(name) for name in ("a", "b", "c")]
    await world.until(world.at_rest)
    await world.time.turn(SETTLE_SECONDS * 2)
    await world.until(world.at_rest)
    return parts


class Stream:
    """VMs are created at all living controllers in turn, a few each moment, for ever."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.made = 0
        self._running: set[asyncio.Task[None]] = set()

    async def flow(self, seconds: float, *, a_second: float = 1.0) -> None:
        for _ in range(int(seconds * a_second)):
            living = [part for part in self.world.parts.values() if not part.frozen]
            self.made += 1
            part = living[self.made % len(living)]
            self._running.add(asyncio.create_task(self.world.create(part, a_vm(self.made))))
            await self.world.time.turn(1.0 / a_second)

    async def end(self) -> None:
        await self.world.until(lambda: all(task.done() for task in self._running))
        for task in self._running:
            task.result()


class Welcomes:
    """A watch of hosts that is told of nothing but welcomes."""

    def welcome(self, host: Host, inventory: Inventory) -> None: ...


def overfull(world: World) -> list[str]:
    return [id for id, host in world.hosts.items() if sum(host.guests.values()) > host.memory_mib]


async def test_one_controller_divides_all_hosts_and_owns_all_leaves(world: World) -> None:
    await world.add_hosts(*HOSTS)
    part = await world.part("a")
    await world.until(world.at_rest)
    assert set(await world.seats()) == set(HOSTS)
    assert set((await world.owners()).values()) == {"a"}
    assert part.listening == set(HOSTS)
    assert part.top.audit() == []
    stream = Stream(world)
    await stream.flow(10)
    await stream.end()
    assert len(world.placed) == 10


async def test_leaves_are_divided_among_controllers_that_come_and_each_watches_its_own(
    world: World,
) -> None:
    parts = await three(world)
    owners = await world.owners()
    loads = Counter(owners.values())
    assert set(loads) == {"a", "b", "c"}
    assert max(loads.values()) <= 3
    await world.time.turn(20)  # those that were theirs have been let go
    for part in parts:
        mine = {leaf for leaf, owner in owners.items() if owner == part.me.name}
        assert set(part.top.leaf_ids()) == mine
        seats = await world.seats()
        assert part.listening == {host for host, leaf in seats.items() if leaf in mine}
    assert Counter(host for part in parts for host in part.listening) == dict.fromkeys(HOSTS, 1)


async def test_while_controllers_come_nothing_is_refused_and_nothing_is_overfull(
    world: World,
) -> None:
    await world.add_hosts(*HOSTS)
    await world.part("a")
    await world.until(world.at_rest)
    stream = Stream(world)
    for name in ("b", "c", "d"):
        await world.part(name)
        await stream.flow(SETTLE_SECONDS * 2, a_second=2)
    await stream.end()
    assert world.refused == []
    assert len(world.placed) == stream.made
    assert overfull(world) == []
    assert len(set((await world.owners()).values())) == 4


async def test_when_a_controller_dies_nothing_is_refused_and_the_others_have_its_leaves(
    world: World,
) -> None:
    parts = await three(world)
    stream = Stream(world)
    # So full that the two others have no room for all that comes meanwhile.
    lost = parts[1]
    for id in HOSTS:
        if id not in lost.listening:
            world.hosts[id].admit(f"big-{id}", 8192)
            world.say(id)
    await world.time.turn(3)
    await stream.flow(5)
    await lost.kill()
    await stream.flow(40)
    await stream.end()
    assert world.refused == []
    assert len(world.placed) == stream.made
    assert set((await world.owners()).values()) == {"a", "c"}
    await world.until(world.at_rest)
    for part in world.parts.values():
        assert part.top.audit() == []


async def test_the_chairman_may_be_the_one_who_dies(world: World) -> None:
    parts = await three(world)
    chairman = next(part for part in parts if part.chairman.presides)
    stream = Stream(world)
    await chairman.kill()
    await stream.flow(40)
    await stream.end()
    assert world.refused == []
    assert chairman.me.name not in (await world.owners()).values()
    assert sum(part.chairman.presides for part in world.parts.values()) == 1


async def test_a_chairman_that_was_frozen_is_deposed_and_writes_nothing(world: World) -> None:
    parts = await three(world)
    old = next(part for part in parts if part.chairman.presides)
    old.clock.frozen = True
    await world.time.turn(40)
    row = await world.store.find(TOPOLOGY, TOPOLOGY_ID)
    assert row is not None
    assert row.chairman != old.me.id
    before = await world.owners()
    await world.add_hosts("late-1", "late-2")
    old.clock.frozen = False
    await world.time.turn(10)
    assert old.lost
    assert not old.chairman.presides
    await old.kill()
    after = await world.owners()
    assert {leaf: after[leaf] for leaf in before} == before
    assert {"late-1", "late-2"} <= set(await world.seats())


async def test_a_write_set_of_an_earlier_chairman_is_refused_as_a_whole(world: World) -> None:
    parts = await three(world)
    chairman = next(part for part in parts if part.chairman.presides)
    row = await world.store.find(TOPOLOGY, TOPOLOGY_ID)
    assert row is not None
    # As a later chairman would, that this one has not heard of.
    later = type(row)(
        row.id,
        "later",
        row.fence + 100,
        row.leaf_hosts_max,
        row.fan_out_max,
        row.leaves_made,
        row.generation,
    )
    await world.store.commit([Update(TOPOLOGY, later)])
    seats = await world.seats()
    await world.add_hosts("new")
    await world.time.turn(5)
    assert await world.seats() == seats
    assert not chairman.chairman.presides


async def test_a_controller_that_flaps_does_not_take_leaves_to_and_fro(world: World) -> None:
    await three(world)
    moved = 0
    before = await world.owners()
    flapping = next(part for part in world.parts.values() if part.me.name == "c")
    for _ in range(6):
        await flapping.kill()
        await world.time.turn(16)
        flapping = await world.part("c")
        await world.time.turn(8)
        now = await world.owners()
        moved += sum(now[leaf] != owner for leaf, owner in before.items() if leaf in now)
        before = now
    theirs = sum(owner == "c" for owner in before.values())
    assert theirs == 0, "it never stayed"
    assert moved <= 3, "its leaves went away once"
    await world.time.turn(SETTLE_SECONDS * 2**7)
    await world.until(world.at_rest)
    assert "c" in (await world.owners()).values(), "one that stays is given leaves again"


async def test_a_host_that_moves_to_another_controllers_leaf_keeps_its_holds(
    world: World,
) -> None:
    """It gets a zone of its own, together with others: their kind gets a leaf of its own."""
    parts = await three(world)
    stream = Stream(world)
    await stream.flow(4)
    before = await world.seats()
    for id in HOSTS[::3]:
        await world.set_zone(id, "east")
        world.hosts[id].host = await _row(world, id)
        await stream.flow(1, a_second=2)
    await stream.flow(10, a_second=2)
    await stream.end()
    await world.until(world.at_rest)
    assert world.refused == []
    assert overfull(world) == []
    after = await world.seats()
    rows = {row.id: row for row in (await world.store.page(LEAVES, {}, limit=100)).items}
    east = {after[id] for id in HOSTS[::3]}
    assert all(rows[leaf].traits[0] == "east" for leaf in east)
    moved = [id for id in HOSTS if after[id] != before[id]]
    assert set(moved) <= set(HOSTS[::3]) or len(moved) <= len(HOSTS[::3]) + 4
    await world.time.turn(20)
    for part in parts:
        assert part.top.audit() == []
        for id in part.listening:
            assert set(part.top.held(id)) == set(world.hosts[id].guests)


async def test_what_was_promised_and_not_made_is_told_to_the_new_owner(world: World) -> None:
    (first,) = [await world.part("a")]
    await world.add_hosts(*HOSTS[:4])
    await world.until(world.at_rest)
    answers = [await first.root.place(a_vm(number, 2048)) for number in range(3)]
    second = await world.part("b")
    del answers
    rows = (await world.store.page(LEAVES, {}, limit=10)).items
    await first.keeper._moves.leave()
    await world.until(lambda: all(row.owner == second.me.id for row in second.rows.leaves.values()))
    await world.time.turn(10)
    held = [id for host in HOSTS[:4] for id in second.top.held(host)]
    assert sorted(held) == ["vm-0", "vm-1", "vm-2"]
    assert len(rows) == 1
    assert first.listening == set()


async def test_hosts_that_come_and_go_are_seated_and_unseated(world: World) -> None:
    await three(world)
    await world.add_hosts("new-1", "new-2", zone="west")
    await world.remove_hosts(*HOSTS[:6])
    await world.until(world.at_rest)
    assert set(await world.seats()) == {*HOSTS[6:], "new-1", "new-2"}
    inside = Counter((await world.seats()).values())
    assert max(inside.values()) <= world.shape.leaf_hosts_max
    assert set(inside) == set(await world.owners())


async def test_a_restart_of_all_finds_the_same_leaves_with_the_same_hosts(world: World) -> None:
    parts = await three(world)
    before, owners = await world.seats(), await world.owners()
    for part in parts:
        await part.kill()
    await world.time.turn(30)
    for name in ("a", "b", "c"):
        await world.part(name)
    await world.time.turn(60)
    await world.until(world.at_rest)
    assert await world.seats() == before
    assert set((await world.owners()).values()) == {"a", "b", "c"}
    assert set(owners) == set(await world.owners())


async def test_a_host_is_seated_at_once_whichever_controller_registers_it(world: World) -> None:
    parts = await three(world)
    for part in parts:
        id = f"new-{part.me.name}"
        host = Host(id, id, "root", "x", (UsageTag.CLOUD,), HostState.NOT_PROVISIONED, task_id="t")
        await world.store.commit([Insert(nouns.HOSTS, host)])
        host = replace(host, state=HostState.READY, provisioned=True, generation=2)
        seating = Seating(world.store, part.keeper, part.chairman, cast(HostWatch, Welcomes()))
        welcome = asyncio.create_task(seating.welcome(host, an_inventory(id)))
        await world.time.settle()
        assert welcome.done(), "no time had to pass"
        assert (await world.seats())[id]


async def test_hosts_that_register_together_share_write_sets(world: World) -> None:
    part = await world.part("a")
    await world.until(lambda: part.chairman.presides)
    before = part.rows.topology.generation
    traits = Traits("", "CLOUD", "")
    seats = [asyncio.create_task(part.chairman.seat(f"x{n}", traits)) for n in range(1000)]
    await world.until(lambda: all(seat.done() for seat in seats))
    assert all(seat.result() for seat in seats)
    assert part.rows.topology.generation - before <= 6


async def test_what_the_feed_never_told_is_read_when_a_chairman_keeps_being_refused(
    world: World,
) -> None:
    part = await world.part("a")
    await world.add_hosts(*HOSTS)
    await world.until(world.at_rest)
    rows = part.rows
    rows._unsubscribe()  # from now on it is told of nothing
    leaf = next(iter(rows.leaves.values()))
    await world.store.commit([Update(LEAVES, leaf)])
    seat = next(iter(rows.seats.values()))
    await world.store.commit([Update(SEATS, seat)])
    await world.remove_hosts(seat.id)
    await world.until(lambda: seat.id not in rows.seats)
    assert seat.id not in await world.seats()


async def _row(world: World, id: str) -> Host:
    row = await world.store.find(nouns.HOSTS, id)
    assert row is not None
    return row
