"""What nothing needs any more goes, when its time has come and not before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from photon.domain.datastore import Datastore, DatastoreTag
from photon.domain.idempotency import IdempotentAnswer
from photon.domain.image import Image, ReplicationType
from photon.domain.kinds import EntityKind
from photon.domain.readiness import Readiness
from photon.domain.task import Task, TaskState, Tombstone
from photon.domain.zone import Zone
from photon.images.library import ImageLibrary
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.reconcilers.sweep_datastores import DatastoreSweeper
from photon.reconcilers.sweep_images import ImageSweeper
from photon.reconcilers.sweep_records import KEPT_MS, RecordSweeper
from photon.reconcilers.sweeps import sweeps
from photon.store.nouns import (
    DATASTORE_TAGS,
    DATASTORES,
    HOST_DATASTORES,
    HOSTS,
    IDEMPOTENT_ANSWERS,
    IMAGES,
    TASKS,
    TOMBSTONES,
    ZONES,
)
from photon.store.protocol import Delete, Insert, Noun, Update
from tests.agent.conftest import HandClock
from tests.api.cloud_rig import CloudApi
from tests.images.builders import a_raw_disk, in_chunks


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def records(api: CloudApi, clock: HandClock) -> RecordSweeper:
    return RecordSweeper(api.store, clock)


async def ids(api: CloudApi, noun: Noun[Any]) -> list[str]:
    return [row.id for row in (await api.store.page(noun, {}, limit=100)).items]


def a_task(id: str, entity_id: str, state: TaskState = TaskState.COMPLETED) -> Task:
    return Task(id, "DELETE_VM", "vm", entity_id, queued_ms=1, state=state)


async def test_the_tasks_of_what_is_gone_stay_for_a_day(
    api: CloudApi, records: RecordSweeper, clock: HandClock
) -> None:
    now = clock.now_ms()
    await api.store.commit(
        [
            Insert(TOMBSTONES, Tombstone("old", EntityKind.VM, now - KEPT_MS - 1)),
            Insert(TOMBSTONES, Tombstone("young", EntityKind.VM, now - KEPT_MS)),
            Insert(TASKS, a_task("t1", "old")),
            Insert(TASKS, a_task("t2", "old")),
            Insert(TASKS, a_task("t3", "young")),
            Insert(TASKS, a_task("t4", "alive")),
        ]
    )
    await records.tombstones()
    assert await ids(api, TOMBSTONES) == ["young"]
    assert await ids(api, TASKS) == ["t3", "t4"]


async def test_an_open_task_keeps_its_tombstone(
    api: CloudApi, records: RecordSweeper, clock: HandClock
) -> None:
    old = Tombstone("old", EntityKind.VM, clock.now_ms() - KEPT_MS - 1)
    await api.store.commit(
        [
            Insert(TOMBSTONES, old),
            Insert(TASKS, a_task("t1", "old")),
            Insert(TASKS, a_task("t2", "old", TaskState.STARTED)),
        ]
    )
    await records.tombstones()
    assert (await ids(api, TASKS), await ids(api, TOMBSTONES)) == (["t2"], ["old"])


async def test_more_tasks_than_a_page_go_in_several_rounds(
    api: CloudApi, records: RecordSweeper, clock: HandClock
) -> None:
    old = Tombstone("old", EntityKind.VM, clock.now_ms() - KEPT_MS - 1)
    tasks = [Insert(TASKS, a_task(f"t{number:03}", "old")) for number in range(250)]
    await api.store.commit([Insert(TOMBSTONES, old), *tasks])
    for _ in range(3):
        await records.tombstones()
    assert (await ids(api, TASKS), await ids(api, TOMBSTONES)) == ([], [])


async def test_answers_to_keys_are_kept_for_a_day(
    api: CloudApi, records: RecordSweeper, clock: HandClock
) -> None:
    now = clock.now_ms()
    for name, at_ms in (("old", now - KEPT_MS - 1), ("young", now - KEPT_MS)):
        answer = IdempotentAnswer(name, "hash", 201, b"{}", at_ms)
        await api.store.commit([Insert(IDEMPOTENT_ANSWERS, answer)])
    await records.answers()
    assert await ids(api, IDEMPOTENT_ANSWERS) == ["young"]


async def test_a_deleted_zone_goes_when_no_host_is_in_it(
    api: CloudApi, records: RecordSweeper
) -> None:
    used = await api.made("/v1/zones", {"name": "used"})
    unused = await api.made("/v1/zones", {"name": "unused"})
    await api.add_host(zone=used)
    for zone_id in (used, unused):
        await api.do("DELETE", f"/v1/zones/{zone_id}")
    await api.store.commit([Insert(ZONES, Zone("ready", "ready"))])
    await records.zones()
    assert sorted(await ids(api, ZONES)) == sorted([used, "ready"])


async def test_a_datastore_that_no_host_reaches_goes_with_its_tags(api: CloudApi) -> None:
    await api.ready_host()
    lost = Datastore("lost", "lost", "OTHER", ("TAG",), 1)
    tag = DatastoreTag("lost/TAG", "lost", "TAG")
    await api.store.commit([Insert(DATASTORES, lost), Insert(DATASTORE_TAGS, tag)])
    await DatastoreSweeper(api.store, api.agents).once()
    assert await ids(api, DATASTORES) == ["sim-datastore"]
    assert await ids(api, DATASTORE_TAGS) == ["sim-datastore/sim-datastore"]


async def test_what_a_host_reaches_is_learned_again(api: CloudApi) -> None:
    host_id = await api.ready_host()
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    before = msgspec.structs.replace(host, networks=(), datastore_ids=())
    link = f"{host_id}/sim-datastore"
    await api.store.commit([Update(HOSTS, before), Delete(HOST_DATASTORES, link)])
    await DatastoreSweeper(api.store, api.agents).once()
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    assert host.datastore_ids == ("sim-datastore",)
    assert await ids(api, HOST_DATASTORES) == [link]


async def stored(api: CloudApi, folder: Path) -> str:
    content = a_raw_disk(folder / "disk.raw").read_bytes()
    return (await api.plane.images.receive(in_chunks(content))).checksum


def an_image(state: Readiness, checksum: str = "") -> Image:
    return Image("image-1", "name", ReplicationType.EAGER, state, checksum=checksum)


async def test_a_file_that_no_image_has_goes(api: CloudApi, tmp_path: Path) -> None:
    checksum = await stored(api, tmp_path)
    sweeper = ImageSweeper(api.store, api.plane.images)
    leaving = an_image(Readiness.PENDING_DELETE, checksum)
    await api.store.commit([Insert(IMAGES, leaving)])
    await sweeper.once()
    assert len(await api.plane.images.list()) == 1
    await api.store.commit([Delete(IMAGES, leaving.id)])
    await sweeper.once()
    assert await api.plane.images.list() == ()


async def test_no_file_goes_while_an_image_is_on_its_way(api: CloudApi, tmp_path: Path) -> None:
    """It may turn out to have the same content."""
    await stored(api, tmp_path)
    await api.store.commit([Insert(IMAGES, an_image(Readiness.CREATING))])
    await ImageSweeper(api.store, api.plane.images).once()
    assert len(await api.plane.images.list()) == 1


async def test_no_file_goes_while_another_controller_receives_into_the_same_library(
    api: CloudApi, tmp_path: Path
) -> None:
    ids = TimeOrderedIds(RealClock())
    mine, other = [ImageLibrary(tmp_path / "shared", ids) for _ in range(2)]
    for library in (mine, other):
        await library.open()
    content = a_raw_disk(tmp_path / "shared.raw").read_bytes()
    await mine.receive(in_chunks(content))
    come = asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        yield content[:1]
        come.set()
        await asyncio.Event().wait()

    receiving = asyncio.create_task(other.receive(slowly()))
    await come.wait()
    sweeper = ImageSweeper(api.store, mine)
    await sweeper.once()
    assert len(await mine.list()) == 1
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    await sweeper.once()
    assert await mine.list() == ()
    for library in (mine, other):
        await library.close()


async def test_every_sweep_finds_an_empty_cloud_in_order(api: CloudApi) -> None:
    duties = sweeps(api.store, api.agents, api.plane.images, api.clock)
    assert len({duty.name for duty in duties}) == len(duties) == 5
    for duty in duties:
        await duty.once()
