"""The sagas of persistent disks by themselves."""

from __future__ import annotations

from typing import Final

from photon.domain.audit import Rule
from photon.domain.disk import DiskState
from photon.store.nouns import DISKS
from tests.tasks.building import build_disk, build_site
from tests.tasks.harness import Check, Request, SagaCase
from tests.tasks.world import World

_SPEC: Final = {"name": "data", "flavor": "data", "kind": "persistent-disk", "capacityGb": 5}


def _create(world: World) -> Request:
    return "POST", f"/v1/projects/{world.names['project']}/disks", _SPEC


def _delete(world: World) -> Request:
    return "DELETE", f"/v1/disks/{world.names['disk']}", None


def disk_is(state: DiskState, *, there: bool) -> Check:
    async def check(world: World) -> None:
        [disk] = (await world.store.page(DISKS, {}, limit=2)).items
        assert (disk.state, disk.task_id) == (state, None)
        inventories = await world.inventories()
        assert any(inventory.disks for inventory in inventories) is there

    return check


async def no_disk(world: World) -> None:
    assert await world.store.count(DISKS, {}) == 0
    assert all(not inventory.disks for inventory in await world.inventories())


CASES: Final = (
    SagaCase(
        "CREATE_DISK",
        (build_site,),
        _create,
        check=disk_is(DiskState.DETACHED, there=True),
        check_failed=disk_is(DiskState.ERROR, there=False),
    ),
    SagaCase(
        "DELETE_DISK",
        (build_site, build_disk),
        _delete,
        check=no_disk,
        check_failed=disk_is(DiskState.DETACHED, there=True),
        one_way=True,
        mended=frozenset({Rule.DISK_IS_THERE}),
    ),
)
