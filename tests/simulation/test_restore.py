"""A store that is put back to an older state: what a restore with all controllers stopped makes of
it, and that one behind their backs is noticed.

A backup has forgotten what was done after it, and hosts have not: guests that no row tells of
become orphans and go, rows whose guests are gone say so, and in the end everything adds up.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from photon.domain.vm import VmState
from photon.simulation.audit import Auditor
from photon.simulation.ways import SimulatedWay, site_of
from photon.simulation.world import Size, World, play
from photon.store.durably import Inline
from photon.store.migrate import HISTORY
from photon.store.nouns import NOUNS, ORPHANS, PROJECTS, TENANTS, VMS
from photon.store.protocol import Change, CloudStore, Noun, Revision
from photon.store.snapshot import REVISION_LEAP, QuotaItem, Row, pour
from photon.store.snapshot_sqlite import load_sqlite
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.store.statements import encode
from photon.workload.site import Load
from photon.workload.workload import Workload
from tests.simulation.scenes import Cloud

SMALL: Final = Size(controllers=2, hosts=4, leaf_hosts=2)
PAGE: Final = 500
MINUTE_SECONDS: Final = 60.0
BEFORE, AFTER = 40, 60  # steps of the load
STARTED_SECONDS: Final = 30.0


class Backup:
    """See Snapshot: all that a store has at this moment. `photon store backup` reads the same."""

    schema = HISTORY.schemas[-1]

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        self._rows: dict[str, list[Row]] = {}
        self._quota: list[QuotaItem] = []

    @classmethod
    async def of(cls, store: CloudStore) -> Backup:
        """No other turn comes in between: the truth's reads do not wait."""
        backup = cls(await store.revision())
        for noun in NOUNS:
            backup._rows[noun.name] = [
                Row(entity.id, entity.generation, backup.revision, encode(entity))
                async for entity in every(store, noun)
            ]
        for noun in (TENANTS, PROJECTS):
            async for owner in every(store, noun):
                for row in await store.quota(owner.id):
                    item = QuotaItem(owner.id, row.key, row.limit, row.usage, row.unit)
                    backup._quota.append(item)
        return backup

    async def count(self, noun: Noun[Any]) -> int:
        return len(self._rows[noun.name])

    async def rows(self, noun: Noun[Any]) -> AsyncIterator[Sequence[Row]]:
        yield self._rows[noun.name]

    async def quota(self) -> AsyncIterator[Sequence[QuotaItem]]:
        yield self._quota

    async def restored(self, world: World, path: Path, *, leap: int) -> CloudStore:
        """As `photon store restore` does it, its revision higher by `leap`."""
        with load_sqlite(str(path), NOUNS) as loading:
            await pour(self, NOUNS, loading, lambda rows: None)
            await loading.finish(Revision(self.revision + leap))
        return SqliteStore(str(path), NOUNS, world.clock, SqliteOptions(durably=Inline()))


async def every(store: CloudStore, noun: Noun[Any]) -> AsyncIterator[Any]:
    after: str | None = None
    while True:
        page = await store.page(noun, {}, limit=PAGE, after=after)
        for entity in page.items:
            yield entity
        if not page.more:
            return
        after = page.items[-1].id


async def judged(world: World) -> Auditor:
    """Who judges from now on, and knows what is there."""
    auditor = Auditor(world)
    auditor.start()
    revision = await world.store.revision()
    there = [
        Change(revision, noun.name, row.id, row.generation)
        for noun in NOUNS
        async for row in every(world.store, noun)
    ]
    auditor.mirror.hear(there)
    auditor.mirror.changes.clear()  # No controller is told of these.
    return auditor


async def put_back(world: World, backup: Backup, path: Path) -> Auditor:
    """As docs/how-to/operate.md says: all controllers are stopped, and started when it is done."""
    for controller in world.controllers:
        controller.crash()
    await world.put_back(await backup.restored(world, path, leap=REVISION_LEAP))
    auditor = await judged(world)
    for controller in world.controllers:
        controller.begin_again()
    await asyncio.sleep(STARTED_SECONDS)
    return auditor


def test_after_a_restore_hosts_and_store_come_together_again(tmp_path: Path) -> None:
    async def scene(world: World) -> None:
        cloud = Cloud(world)
        await cloud.furnish()
        kept, lost = await cloud.create_vm("kept"), await cloud.create_vm("lost")
        backup = await Backup.of(world.store)
        await cloud.run("DELETE", f"/v1/vms/{lost}")
        made = await cloud.create_vm("made")
        auditor = await put_back(world, backup, tmp_path / "restored")
        vms = {vm.id: vm async for vm in every(world.store, VMS)}
        assert vms.keys() == {kept, lost}, "the rows are as they were backed up"
        await asyncio.sleep(3 * MINUTE_SECONDS)
        assert (await world.store.page(ORPHANS, {}, limit=9)).items[0].id.endswith(made)
        await auditor.become_quiet()
        assert not auditor.found.done()
        vms = {vm.id: vm async for vm in every(world.store, VMS)}
        assert vms[kept].state is VmState.STOPPED
        assert vms[lost].state is VmState.ERROR
        guests = [guest.vm_id for guest in await _guests(world)]
        assert guests == [kept]
        # What agents did after the backup does not make them refuse what is decided now.
        await cloud.run("POST", f"/v1/vms/{kept}/start")
        await cloud.run("DELETE", f"/v1/vms/{lost}")
        await cloud.create_vm("made")

    play(1, SMALL, scene)


async def _guests(world: World) -> list[Any]:
    drivers = [driver for agent in world.agents.values() for driver in agent.drivers.values()]
    return [guest for driver in drivers for guest in await driver.guests()]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_after_a_restore_in_the_middle_of_everything_all_becomes_quiet(
    tmp_path: Path, seed: int
) -> None:
    async def scene(world: World) -> None:
        await world.start()
        await asyncio.sleep(STARTED_SECONDS)
        ways = [SimulatedWay(world, number) for number in range(len(world.controllers))]
        load = Workload(
            ways,
            site_of(world),
            lambda name: world.chance.stream(f"workload/{name}"),
            world.clock,
            Load(clients=4, pause_seconds=2.0),
        )
        await load.prepare()
        await load.run(BEFORE)
        working = asyncio.create_task(load.run(AFTER))
        await asyncio.sleep(4.0)
        backup = await Backup.of(world.store)
        await working
        auditor = await put_back(world, backup, tmp_path / "restored")
        await auditor.become_quiet()
        assert not auditor.found.done()
        assert world.loop.mishaps == []

    play(seed, SMALL, scene)


def test_a_failover_that_lost_acknowledged_commits_is_noticed_by_every_controller(
    tmp_path: Path,
) -> None:
    async def scene(world: World) -> None:
        cloud = Cloud(world)
        await cloud.furnish()
        backup, known = await Backup.of(world.store), world.store_server.sequences()
        await cloud.create_vm("lost")
        before = [controller.lives for controller in world.controllers]
        older = await backup.restored(world, tmp_path / "standby", leap=0)
        await world.put_back(older, known=known)
        await asyncio.sleep(MINUTE_SECONDS)
        assert all(c.lives > was for c, was in zip(world.controllers, before, strict=True))
        said = [line for line in world.trace.tail(20_000) if " stopping " in line]
        assert {line.rpartition("=")[2] for line in said} == {c.name for c in world.controllers}
        # They serve again, upon what is left.
        assert [vm async for vm in every(world.store, VMS)] == []
        assert len((await cloud.get("/v1/infrastructure/hosts"))["items"]) == SMALL.hosts
        await cloud.create_vm("again")

    play(2, SMALL, scene)
