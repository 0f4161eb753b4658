"""What drivers must do whose hosts share a datastore: one suite, as in `contract.py`.

A driver's own test file makes a `Pair` in a fixture called `pair`: two hosts that hold nothing, and
one datastore that both reach.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from photon.agent.drivers.protocol import HostDriver
from photon.domain.guest import AgentRefusal, GuestDisk, HostDatastore, Refusal
from photon.domain.topology import is_shared
from tests.drivers.arrange import Rig, a_spec, refused

DISKS_WHEN_FULL = 8
TRIES = 24


class Pair(Protocol):
    one: Rig
    other: Rig


class SharedContract:
    async def test_both_hosts_show_one_datastore_that_is_shared(self, pair: Pair) -> None:
        mine, others = await _store(pair.one), await _store(pair.other)
        assert is_shared(mine.type)
        assert (mine.id, mine.capacity_gib) == (others.id, others.capacity_gib)

    async def test_what_one_host_takes_the_other_sees(self, pair: Pair) -> None:
        capacity_gib = (await _store(pair.one)).capacity_gib
        disk = await _disk(pair.one, capacity_gib - 1)
        await pair.one.driver.create_disk(disk)
        assert await pair.one.driver.create_disk(disk)
        assert (await _store(pair.other)).free_gib == 1
        await pair.one.driver.delete_disk(disk.id)
        await pair.one.driver.delete_disk(disk.id)
        assert (await _store(pair.other)).free_gib > 1

    async def test_a_disk_that_others_left_no_room_for_is_refused(self, pair: Pair) -> None:
        capacity_gib = (await _store(pair.one)).capacity_gib
        theirs, mine = await _disk(pair.one, capacity_gib - 1), await _disk(pair.other, 2)
        await pair.one.driver.create_disk(theirs)
        with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
            await pair.other.driver.create_disk(mine)
        assert await pair.other.driver.disks() == []
        await pair.other.driver.create_disk(await _disk(pair.other, 1))
        await pair.one.driver.delete_disk(theirs.id)
        assert (await pair.other.driver.create_disk(mine)).disk_id == mine.id

    async def test_a_guest_that_others_left_no_room_for_is_refused(self, pair: Pair) -> None:
        capacity_gib = (await _store(pair.one)).capacity_gib
        theirs = await _disk(pair.one, capacity_gib - 2)
        await pair.one.driver.create_disk(theirs)
        driver = pair.other.driver
        await driver.fetch_image(pair.other.image)
        spec = await a_spec(pair.other, extra_gib=2)
        with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
            await driver.create_vm(spec)
        assert await driver.guests() == []
        assert (await _store(pair.one)).free_gib == 2
        await pair.one.driver.delete_disk(theirs.id)
        await driver.create_vm(spec)
        await driver.delete_vm(spec.vm_id)
        assert (await driver.create_disk(await _disk(pair.other, capacity_gib))).capacity_gib > 0

    async def test_what_failed_takes_nothing(self, pair: Pair) -> None:
        spec = await a_spec(pair.one, extra_gib=(await _store(pair.one)).capacity_gib // 2)
        with refused(AgentRefusal.IMAGE_UNAVAILABLE):
            await pair.one.driver.create_vm(spec)
        await _fill(pair.other)

    async def test_of_many_at_once_as_many_are_made_as_there_is_room_for(self, pair: Pair) -> None:
        gib = (await _store(pair.one)).capacity_gib // DISKS_WHEN_FULL
        rigs = [(pair.one, pair.other)[number % 2] for number in range(TRIES)]
        disks = [await _disk(rig, gib) for rig in rigs]
        made = await asyncio.gather(
            *(rig.driver.create_disk(disk) for rig, disk in zip(rigs, disks, strict=True)),
            return_exceptions=True,
        )
        refusals = [each for each in made if isinstance(each, BaseException)]
        assert len(made) - len(refusals) == DISKS_WHEN_FULL
        assert {each.code for each in refusals if isinstance(each, Refusal)} == {
            AgentRefusal.NOT_ENOUGH_DATASTORE
        }
        there = [*await pair.one.driver.disks(), *await pair.other.driver.disks()]
        assert len(there) == DISKS_WHEN_FULL

    async def test_what_a_dead_agent_made_counts_then_and_afterwards(self, pair: Pair) -> None:
        capacity_gib = (await _store(pair.one)).capacity_gib
        kept = await _disk(pair.one, capacity_gib - 1)
        await pair.one.driver.create_disk(kept)
        await pair.one.driver.close()
        with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
            await pair.other.driver.create_disk(await _disk(pair.other, 2))
        await pair.one.reopen()
        with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
            await pair.other.driver.create_disk(await _disk(pair.other, 2))
        await pair.one.driver.delete_disk(kept.id)
        await _fill(pair.other)

    async def test_a_create_that_was_cancelled_takes_nothing(self, pair: Pair) -> None:
        gib = (await _store(pair.one)).capacity_gib
        creation = asyncio.create_task(pair.one.driver.create_disk(await _disk(pair.one, gib)))
        await asyncio.sleep(0)
        creation.cancel()
        await asyncio.wait([creation])
        if creation.cancelled():
            assert await pair.one.driver.disks() == []
            await _fill(pair.other)

    async def test_each_host_has_its_own_guests_and_disks(self, pair: Pair) -> None:
        await pair.one.driver.fetch_image(pair.one.image)
        guest = await pair.one.driver.create_vm(await a_spec(pair.one))
        disk = await pair.one.driver.create_disk(await _disk(pair.one, 1))
        other = await pair.other.reopen()
        assert (await other.guests(), await other.disks(), await other.images()) == ([], [], [])
        assert await pair.one.driver.guests() == [guest]
        assert await pair.one.driver.disks() == [disk]


async def _store(rig: Rig) -> HostDatastore:
    [store] = (await rig.driver.capacity()).datastores
    return store


async def _disk(rig: Rig, gib: int) -> GuestDisk:
    store = await _store(rig)
    return GuestDisk(id=rig.new_id(), capacity_gib=gib, persistent=True, datastore_id=store.id)


async def _fill(rig: Rig) -> None:
    """All of it is there to be had."""
    driver: HostDriver = rig.driver
    disk = await _disk(rig, (await _store(rig)).capacity_gib)
    await driver.create_disk(disk)
    await driver.delete_disk(disk.id)
