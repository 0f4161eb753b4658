"""The sagas that go on without a host that is MISSING, which pays when it comes back."""

from __future__ import annotations

from typing import Final

from photon.domain.debt import DebtKind
from photon.domain.disk import DiskState
from photon.domain.missing_host import MissingHost
from photon.domain.vm import VmState
from photon.store.nouns import DEBTS, DISKS, MISSING_HOSTS, VMS
from photon.store.protocol import Insert
from tests.sagas.cases_vms import attach, detached, the_only_vm, vm_is
from tests.tasks.building import Client, build_disk, build_site, build_vm
from tests.tasks.harness import Check, Request, SagaCase
from tests.tasks.world import World

_HOSTS: Final = "/v1/infrastructure/hosts"


async def lose_host(world: World, client: Client | None = None) -> None:
    """The host of the VM is missing; the one with the number 2, when there is no VM."""
    host_id: str | None = world.names["host2"]
    if "vm" in world.names:
        host_id = (await the_only_vm(world)).host_id
    elif "disk" in world.names:
        host_id = (await world.store.page(DISKS, {}, limit=1)).items[0].host_id
    assert host_id is not None
    world.names["lost"] = host_id
    row = MissingHost(host_id, world.clock.now_ms(), "nobody is there")
    await world.store.commit([Insert(MISSING_HOSTS, row)])


async def start(world: World, client: Client) -> None:
    await client.done("POST", f"/v1/vms/{world.names['vm']}/start")


async def to_maintenance(world: World, client: Client) -> None:
    for verb in ("suspend", "enter-maintenance"):
        await client.done("POST", f"{_HOSTS}/{world.names['host2']}/{verb}")


def owes(kind: DebtKind) -> Check:
    """The host owes just this, until it is back; then nothing."""

    async def check(world: World) -> None:
        debts = (await world.store.page(DEBTS, {}, limit=3)).items
        missing = await world.store.count(MISSING_HOSTS, {})
        if missing or debts:
            assert [(debt.kind, debt.host_id) for debt in debts] == [(kind, world.names["lost"])]

    return check


async def vm_is_gone(world: World) -> None:
    assert await world.store.count(VMS, {}) == 0
    usages = [row.usage for row in await world.store.quota(world.names["project"])]
    assert set(usages) == {0}
    await owes(DebtKind.VM)(world)


async def disk_is_gone(world: World) -> None:
    assert await world.store.count(DISKS, {}) == 0
    await owes(DebtKind.DISK)(world)


async def disk_is_off(world: World) -> None:
    await detached(world)
    [disk] = (await world.store.page(DISKS, {}, limit=2)).items
    assert (disk.state, disk.vm_id, disk.task_id) == (DiskState.DETACHED, None, None)
    await owes(DebtKind.DETACH)(world)


async def host_is_forgotten(world: World) -> None:
    await owes(DebtKind.HOST)(world)


def _delete(world: World) -> Request:
    return "DELETE", f"/v1/vms/{world.names['vm']}", None


CASES: Final = (
    SagaCase(
        "DELETE_VM",
        (build_site, build_vm, start, lose_host),
        _delete,
        name="on a missing host",
        check=vm_is_gone,
        check_failed=vm_is(VmState.STARTED),
    ),
    SagaCase(
        "DELETE_DISK",
        (build_site, build_disk, lose_host),
        lambda world: ("DELETE", f"/v1/disks/{world.names['disk']}", None),
        name="on a missing host",
        check=disk_is_gone,
    ),
    SagaCase(
        "DETACH_DISK",
        (build_site, build_vm, build_disk, attach, lose_host),
        lambda world: (
            "POST",
            f"/v1/vms/{world.names['vm']}/detach_disk",
            {"diskId": world.names["disk"]},
        ),
        name="on a missing host",
        check=disk_is_off,
    ),
    SagaCase(
        "DELETE_HOST",
        (build_site, to_maintenance, lose_host),
        lambda world: ("DELETE", f"{_HOSTS}/{world.names['host2']}", None),
        name="that is missing",
        check=host_is_forgotten,
    ),
)
