"""A controller that was frozen until its leaves were another's: what hosts had told it by then is
not written any more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import msgspec
import pytest

from photon.agent_client.protocol import Agents
from photon.domain.guest import Inventory
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.missing_host import MissingHost
from photon.domain.vm import Vm, VmState
from photon.reconcilers.attendance import SETTLE_SECONDS
from photon.reconcilers.guest_watch import GuestWatch
from photon.reconcilers.host_register import HostRegister
from photon.reconcilers.host_watch import HostWatch
from photon.reconcilers.seating import Seating
from photon.store.errors import StoreConflict
from photon.store.host_reach import learn
from photon.store.nouns import HOST_DATASTORES, HOSTS, LEAVES, MISSING_HOSTS, SEATS, VMS
from photon.store.protocol import Delete, Insert, Require, Update
from tests.reconcilers.tree_world import Part, World
from tests.scheduler.cloud import an_inventory

HOSTS_HERE = [f"h{number:02d}" for number in range(24)]
LEASE_OVER_SECONDS = 40.0


class Agent:
    """All hosts answer, and have nothing."""

    async def inventory(self, host: Any) -> Inventory:
        return an_inventory(host.host_id)


class Nobody:
    def welcome(self, host: Host, inventory: Inventory) -> None:
        raise AssertionError("this controller keeps no such host")


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    await world.add_hosts(*HOSTS_HERE)
    for name in ("a", "b", "c"):
        await world.part(name)
    await world.until(world.at_rest)
    await world.time.turn(SETTLE_SECONDS * 2)
    await world.until(world.at_rest)
    yield world
    await world.close()


def one_of(world: World) -> tuple[Part, str, Sequence[Require]]:
    """Any controller but the chairman, a host of its own, and by what right it speaks for it."""
    part = next(part for part in world.parts.values() if not part.chairman.presides)
    host_id = next(id for id in HOSTS_HERE if part.keeper.keeps(id))
    right = part.keeper.warrant(host_id)
    assert right is not None
    return part, host_id, right


async def _away(world: World, part: Part) -> None:
    part.clock.frozen = True
    await world.time.turn(LEASE_OVER_SECONDS)
    await world.until(world.at_rest)


def _heir_of(world: World, host_id: str) -> Part:
    return next(p for p in world.parts.values() if not p.frozen and p.keeper.keeps(host_id))


async def _missing(world: World) -> list[str]:
    return [row.id for row in (await world.store.page(MISSING_HOSTS, {}, limit=50)).items]


async def test_that_a_host_is_back_is_said_by_the_owner_of_its_leaf_alone(world: World) -> None:
    part, host_id, right = one_of(world)
    late = HostRegister(world.store, part.clock, lambda id: right)
    await _away(world, part)
    await world.store.commit([Insert(MISSING_HOSTS, MissingHost(host_id, 1, "silent"))])
    assert await late.found([host_id]) == []
    assert await _missing(world) == [host_id]
    heir = _heir_of(world, host_id)
    assert await HostRegister(world.store, heir.clock, heir.keeper.warrant).found([host_id])
    assert await _missing(world) == []


async def test_that_a_host_is_missing_is_said_by_the_owner_of_its_leaf_alone(
    world: World,
) -> None:
    part, host_id, right = one_of(world)
    believed: list[Sequence[Require] | None] = [right]
    late = HostRegister(world.store, part.clock, lambda id: believed[0])
    await _away(world, part)
    late.lost([host_id], "it was silent for me")
    await world.time.turn(5)
    assert await _missing(world) == []
    believed[0] = part.keeper.warrant(host_id)
    assert believed == [None], "it has heard by now"
    part.clock.frozen = False
    await world.time.turn(5)
    assert (await _missing(world), late._lost) == ([], {})
    heir = _heir_of(world, host_id)
    rightful = HostRegister(world.store, heir.clock, heir.keeper.warrant)
    rightful.lost([host_id], "it is silent")
    await world.time.turn(5)
    assert await _missing(world) == [host_id]
    await late.close()
    await rightful.close()


async def test_one_host_of_another_keeps_no_host_of_ours_from_being_back(world: World) -> None:
    part, host_id, right = one_of(world)
    other = next(id for id in HOSTS_HERE if not part.keeper.keeps(id))
    rows = [Insert(MISSING_HOSTS, MissingHost(id, 1, "silent")) for id in (host_id, other)]
    await world.store.commit(rows)
    wrong = (Require(LEAVES, "of-another", {"owner": part.me.id}),)
    register = HostRegister(world.store, part.clock, lambda id: right if id == host_id else wrong)
    assert await register.found([other, host_id]) == [host_id]


async def test_what_a_guest_is_in_is_said_by_the_owner_of_its_hosts_leaf_alone(
    world: World,
) -> None:
    part, host_id, right = one_of(world)
    vm = Vm("vm-1", "p", "vm", "f", "f", "i", (), 1, 512, VmState.STOPPED, host_id=host_id)
    await world.store.commit([Insert(VMS, vm)])
    host = await world.store.find(HOSTS, host_id)
    assert host is not None
    agents = cast(Agents, cast(Any, Agent()))
    late = GuestWatch(world.store, agents, part.clock, warrant=lambda id: right)
    await _away(world, part)
    await late.audit(host, sweeping=False)
    assert await _state(world) is VmState.STOPPED
    gone = GuestWatch(world.store, agents, part.clock, warrant=part.keeper.warrant)
    assert not await gone.audit(host, sweeping=False)
    heir = _heir_of(world, host_id)
    rightful = GuestWatch(world.store, agents, heir.clock, warrant=heir.keeper.warrant)
    assert await rightful.audit(host, sweeping=False)
    assert await _state(world) is VmState.ERROR


async def _state(world: World) -> VmState:
    vm = await world.store.find(VMS, "vm-1")
    assert vm is not None
    return vm.state


async def test_a_row_of_a_leaf_is_written_by_who_owns_it_now(world: World) -> None:
    part, _, right = one_of(world)
    mine = next(row for row in part.rows.leaves.values() if row.owner == part.me.id)
    await _away(world, part)
    with pytest.raises(StoreConflict):
        await world.store.commit([Update(LEAVES, msgspec.structs.replace(mine, leaving=True))])
    with pytest.raises(StoreConflict):
        await world.store.commit([*right])


async def test_no_seat_is_asked_for_a_host_that_is_gone_by_then(world: World) -> None:
    part = next(part for part in world.parts.values() if not part.chairman.presides)
    row = Host("new", "new", "root", "x", (UsageTag.CLOUD,), HostState.NOT_PROVISIONED, task_id="t")
    await world.store.commit([Insert(HOSTS, row)])
    ready = msgspec.structs.replace(row, provisioned=True, task_id=None, generation=2)
    await world.store.commit([Delete(HOSTS, "new")])
    watch = cast(HostWatch, cast(Any, Nobody()))
    seating = Seating(world.store, part.keeper, part.chairman, watch)
    await seating.welcome(ready, an_inventory("new"))
    assert await world.store.find(SEATS, "new") is None


async def test_nothing_is_learned_of_a_host_that_is_gone_by_then(world: World) -> None:
    host = await world.store.find(HOSTS, HOSTS_HERE[0])
    assert host is not None
    capacity = an_inventory(host.id).capacity
    await learn(world.store, host, capacity)
    host = await world.store.find(HOSTS, host.id)
    assert host is not None
    links = (await world.store.page(HOST_DATASTORES, {}, limit=9)).items
    await world.store.commit(
        [Delete(HOSTS, host.id), *(Delete(HOST_DATASTORES, link.id) for link in links)]
    )
    with pytest.raises(StoreConflict):
        await learn(world.store, host, capacity)
    assert await world.store.count(HOST_DATASTORES, {}) == 0
