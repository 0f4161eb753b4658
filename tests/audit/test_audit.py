"""The audit finds each thing that it is there to find, and nothing in a world that is well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from photon.audit.whole import audit
from photon.domain.audit import Rule
from photon.domain.guest import GuestDisk, GuestState, Inventory
from photon.domain.quota import Amount, QuotaUnit
from photon.store.nouns import DISKS, EPHEMERAL_DISKS, TASKS, VMS
from photon.store.protocol import Charge, Delete, Update
from tests.tasks.building import Client, build_disk, build_site, build_vm
from tests.tasks.world import EMPTY, World

replace = msgspec.structs.replace

Breaking = Callable[[World, list[Inventory]], Awaitable[None]]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "world", EMPTY)
    await world.open(hosts=2)
    life = await world.live()
    client = Client(life)
    for builder in (build_site, build_vm, build_disk):
        await builder(world, client)
    body = {"diskId": world.names["disk"]}
    await client.done("POST", f"/v1/vms/{world.names['vm']}/attach_disk", body)
    await client.close()
    await life.end()
    yield world
    await world.close()


def _with_guest(inventories: list[Inventory]) -> int:
    return next(place for place, each in enumerate(inventories) if each.guests)


async def _crowded(world: World, inventories: list[Inventory]) -> None:
    at = _with_guest(inventories)
    [guest] = inventories[at].guests
    many = tuple(replace(guest, vm_id=f"{guest.vm_id}-{n}", memory_mib=2048) for n in range(3))
    inventories[at] = replace(inventories[at], guests=(guest, *many))


async def _twice(world: World, inventories: list[Inventory]) -> None:
    at = _with_guest(inventories)
    inventories[1 - at] = replace(inventories[1 - at], guests=inventories[at].guests)


async def _no_guest(world: World, inventories: list[Inventory]) -> None:
    at = _with_guest(inventories)
    inventories[at] = replace(inventories[at], guests=())


async def _no_vm(world: World, inventories: list[Inventory]) -> None:
    await world.store.commit([Delete(VMS, world.names["vm"])])


async def _other_state(world: World, inventories: list[Inventory]) -> None:
    at = _with_guest(inventories)
    [guest] = inventories[at].guests
    started = replace(guest, state=GuestState.STARTED)
    inventories[at] = replace(inventories[at], guests=(started,))


async def _no_disk(world: World, inventories: list[Inventory]) -> None:
    at = _with_guest(inventories)
    inventories[at] = replace(inventories[at], disks=())


async def _no_row(world: World, inventories: list[Inventory]) -> None:
    await world.store.commit([Delete(DISKS, world.names["disk"])])


async def _unplugged(world: World, inventories: list[Inventory]) -> None:
    at = _with_guest(inventories)
    [guest] = inventories[at].guests
    own: tuple[GuestDisk, ...] = tuple(disk for disk in guest.disks if not disk.persistent)
    inventories[at] = replace(inventories[at], guests=(replace(guest, disks=own),))


async def _overcharged(world: World, inventories: list[Inventory]) -> None:
    amount = Amount("vm", 1, QuotaUnit.COUNT)
    await world.store.commit([Charge(world.names["project"], (amount,))])


async def _locked(world: World, inventories: list[Inventory]) -> None:
    vm = await world.store.find(VMS, world.names["vm"])
    assert vm is not None
    task = (await world.tasks())[-1]
    await world.store.commit([Update(VMS, replace(vm, task_id=task.id))])


async def _disowned(world: World, inventories: list[Inventory]) -> None:
    task = (await world.tasks())[-1]
    await world.store.commit([Update(TASKS, replace(task, state="STARTED", owner="nobody"))])


async def _pointless(world: World, inventories: list[Inventory]) -> None:
    disk = (await world.store.page(EPHEMERAL_DISKS, {}, limit=1)).items[0]
    await world.store.commit([Delete(EPHEMERAL_DISKS, disk.id)])


async def test_a_world_that_is_well_has_no_violation(world: World) -> None:
    assert await world.audit() == []


@pytest.mark.parametrize(
    "breaking, rule",
    [
        (_crowded, Rule.HELD_WITHIN_CAPACITY),
        (_twice, Rule.ONE_HOST),
        (_no_guest, Rule.VM_HAS_GUEST),
        (_no_vm, Rule.GUEST_HAS_VM),
        (_other_state, Rule.STATES_AGREE),
        (_no_disk, Rule.DISK_IS_THERE),
        (_no_row, Rule.DISK_HAS_ROW),
        (_unplugged, Rule.ATTACHMENTS_AGREE),
        (_overcharged, Rule.QUOTA_ADDS_UP),
        (_locked, Rule.LOCK_HAS_TASK),
        (_disowned, Rule.TASK_HAS_OWNER),
        (_pointless, Rule.PARTS_HAVE_VM),
    ],
)
async def test_each_rule_that_is_broken_is_found(
    world: World, breaking: Breaking, rule: Rule
) -> None:
    inventories = await world.inventories()
    await breaking(world, inventories)
    found = await audit(world.store, inventories)
    assert rule in {violation.rule for violation in found}
    assert all(violation.id and violation.text for violation in found)
