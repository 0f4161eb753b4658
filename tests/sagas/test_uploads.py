"""CREATE_IMAGE: whenever a controller dies, the next one ends the task and leaves nothing behind.

Only the request has the bytes, so what was not stored before the death ends in an error. That is
why this saga is not among the cases that end as if nothing had happened.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import pytest

from photon.domain.readiness import Readiness
from photon.domain.task import Task, TaskState
from photon.reconcilers.sweep_images import ImageSweeper
from photon.store.nouns import IDEMPOTENT_ANSWERS, IMAGES
from tests.images.builders import a_raw_disk, files_under
from tests.tasks.fate import Fate
from tests.tasks.harness import WHENS
from tests.tasks.life import Life, client_of
from tests.tasks.world import EMPTY, World

BOUNDARY: Final = "boundary"
HEADERS: Final = {
    "content-type": f"multipart/form-data; boundary={BOUNDARY}",
    "idempotency-key": "upload-1",
}


@pytest.fixture
def form(tmp_path: Path) -> bytes:
    content = a_raw_disk(tmp_path / "disk.raw").read_bytes()
    return (
        (
            f"--{BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="ImageReplication"\r\n\r\nEAGER\r\n'
            f"--{BOUNDARY}\r\n"
            'Content-Disposition: form-data; name="file"; filename="disk.raw"\r\n\r\n'
        ).encode()
        + content
        + f"\r\n--{BOUNDARY}--\r\n".encode()
    )


async def uploaded(life: Life, form: bytes) -> None:
    """Returns when the request was answered, or the controller died."""
    client = client_of(life.app())
    asking = asyncio.create_task(client.post("/v1/images", content=form, headers=HEADERS))
    while not asking.done() and not life.fate.dead:  # noqa: ASYNC110 - a death tells nobody
        await asyncio.sleep(0.001)
    asking.cancel()
    await asyncio.wait([asking])
    if not asking.cancelled():
        asking.exception()
    await client.aclose()


async def carried_on(world: World, dead: Life) -> Life:
    await dead.end()
    life = await world.live()
    await world.take_over(life, dead.owner)
    await life.finished()
    return life


async def check_end(world: World, folder: Path) -> list[Task]:
    """Every task has ended as its image has, and only images have files."""
    images = (await world.store.page(IMAGES, {}, limit=10)).items
    tasks = [task for task in await world.tasks() if task.operation == "CREATE_IMAGE"]
    assert len(images) == len(tasks) <= 1
    for image, task in zip(images, tasks, strict=True):
        assert task.ended
        assert image.task_id is None
        made = image.state is Readiness.READY
        assert made is (task.state is TaskState.COMPLETED)
        answers = (await world.store.page(IDEMPOTENT_ANSWERS, {}, limit=10)).items
        assert [bool(answer.body_hash) for answer in answers] == ([True] if made else [])
    await ImageSweeper(world.store, world.images).once()
    kept = [world.images.path_of(image.checksum) for image in images if image.checksum]
    assert files_under(folder / "images") == kept
    return tasks


async def opened(folder: Path) -> World:
    world = World(folder, EMPTY)
    await world.open(hosts=1)
    return world


async def test_a_controller_may_die_anywhere_in_an_upload(tmp_path: Path, form: bytes) -> None:
    world = await opened(tmp_path / "undisturbed")
    life = await world.live()
    await uploaded(life, form)
    await life.finished()
    events = len(life.fate.events)
    [task] = await check_end(world, tmp_path / "undisturbed")
    assert task.state is TaskState.COMPLETED
    await life.end()
    await world.close()
    ends: set[TaskState] = set()
    for crash_at in range(events):
        for when in WHENS:
            folder = tmp_path / f"{crash_at}-{when}"
            world = await opened(folder)
            life = await world.live(Fate(crash_at, when))
            await uploaded(life, form)
            life = await carried_on(world, life)
            ends |= {task.state for task in await check_end(world, folder)}
            await life.end()
            await world.close()
    assert ends == {TaskState.COMPLETED, TaskState.ERROR}


async def test_a_key_is_free_again_after_a_death(tmp_path: Path, form: bytes) -> None:
    """Who got no answer uploads once more, and gets an image."""
    world = await opened(tmp_path / "world")
    life = await world.live(Fate(1, "before"))
    await uploaded(life, form)
    life = await carried_on(world, life)
    await uploaded(life, form)
    await life.finished()
    states = {image.state for image in (await world.store.page(IMAGES, {}, limit=10)).items}
    assert states == {Readiness.ERROR, Readiness.READY}
    await life.end()
    await world.close()
