"""POST of an image: the task and the image exist while the bytes come in, so they can be watched.

What is wrong with the form's head is answered at once and leaves nothing. From then on there is a
task, and what is wrong with the file is an error of its first step (contract, 5.1).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any, Final

from photon.api.found import the_project
from photon.api.plane import Plane
from photon.api.route import Call, IdempotencyKey, NoQuery
from photon.api.submit import Ask, Job, submitted
from photon.api.views.task import task_view
from photon.domain.error_catalogue import ConcurrentTask, IdempotencyKeyReused, NotFound
from photon.domain.idempotency import IdempotentAnswer
from photon.domain.image import Image
from photon.domain.kinds import EntityKind
from photon.domain.orders.image import CreateImage
from photon.domain.task import Task as TaskRow
from photon.images.arrivals import Arrival
from photon.images.errors import ImageUploadError
from photon.images.multipart import Upload, UploadParser
from photon.store.nouns import IDEMPOTENT_ANSWERS, IMAGES, PROJECTS, TASKS
from photon.store.protocol import Insert, Require, Write
from photon.wire.v1.task import Task

HEAD_SECONDS_MAX: Final = 60.0  # The field and the file's name are a few hundred bytes.
CHUNK_SECONDS_MAX: Final = 60.0  # As the library allows for far more than one chunk.
ANSWER_SECONDS: Final = 5.0  # What is left to do then takes milliseconds; clients poll anyway.

Asked = Call[NoQuery, None]


async def upload_image(plane: Plane, call: Asked) -> Task:
    """Takes an image for everybody."""
    return await _upload(plane, call, None)


async def upload_project_image(plane: Plane, call: Asked) -> Task:
    """Takes an image that only this project sees."""
    project = await the_project(plane, call.id)
    return await _upload(plane, call, project.id)


class _Incoming:
    """What the request says: a file, for whom, and under which key. `name` names all of it.

    The same words and the same file have the same name; it is known when `chunks` have been read.
    """

    def __init__(self, upload: Upload, project_id: str | None, key: IdempotencyKey | None) -> None:
        self.upload = upload
        self.project_id = project_id
        self.key = key
        self._digest = hashlib.sha256(f"{upload.file_name}\0{upload.replication}\0".encode())
        self.chunks = upload.chunks if key is None else self._hashed()

    def name(self) -> str:
        return self._digest.hexdigest()

    async def _hashed(self) -> AsyncIterator[bytes]:
        async for chunk in self.upload.chunks:
            self._digest.update(chunk)
            yield chunk


async def _upload(plane: Plane, call: Asked, project_id: str | None) -> Task:
    plane.runner.admit()
    plane.images.admit()
    # The key is kept with what comes, which is known at the end only: not by `submitted`.
    key, call.idempotency = call.idempotency, None
    incoming = _Incoming(await _head(call), project_id, key)
    if key is not None:
        known = await plane.store.find(IDEMPOTENT_ANSWERS, key.id)
        if known is not None:
            return await _again(plane, call, key, known, incoming)
    return await _taken(plane, call, incoming)


async def _head(call: Asked) -> Upload:
    try:
        async with asyncio.timeout(HEAD_SECONDS_MAX):
            return await UploadParser(call.content_type).parse(aiter(call.chunks))
    except TimeoutError:
        reason = f"the form's head did not come within {HEAD_SECONDS_MAX:g} seconds"
        raise ImageUploadError(reason) from None


async def _taken(plane: Plane, call: Asked, incoming: _Incoming) -> Task:
    upload, key = incoming.upload, incoming.key
    assert upload.replication is not None, "an image form has the field"
    task_id = plane.ids.new()
    image = Image(
        id=plane.ids.new(),
        name=upload.file_name,
        replication_type=upload.replication,
        project_id=incoming.project_id,
        task_id=task_id,
    )
    job = Job(task_id, CreateImage(image.id, None if key is None else key.id))
    ask = Ask("CREATE_IMAGE", EntityKind.IMAGE, image.id, image.project_id)
    writes = [*_claim(plane, call, key, task_id), *_creation(image)]
    arrival = Arrival(incoming.chunks, incoming.name, total_bytes=call.content_length)
    plane.images.arrivals[image.id] = arrival
    try:
        await submitted(plane, call, ask, job, writes)
        await arrival.over()
        task = await plane.ends.ended(task_id, seconds=ANSWER_SECONDS)
    finally:
        arrival.abort()
        del plane.images.arrivals[image.id]
    return _shown(task, task_id, call)


def _creation(image: Image) -> list[Write]:
    project = [] if image.project_id is None else [Require(PROJECTS, image.project_id)]
    return [*project, Insert(IMAGES, image)]


def _claim(plane: Plane, call: Asked, key: IdempotencyKey | None, task_id: str) -> list[Write]:
    """Keeps the key for this upload until its content is known: the saga says then which it is."""
    if key is None:
        return []
    claim = IdempotentAnswer(
        id=key.id,
        body_hash="",
        status=call.status,
        answer=task_id.encode(),
        at_ms=plane.clock.now_ms(),
    )
    return [Insert(IDEMPOTENT_ANSWERS, claim)]


async def _again(
    plane: Plane, call: Asked, key: IdempotencyKey, known: IdempotentAnswer, incoming: _Incoming
) -> Task:
    """The task that took this content before under this key."""
    task_id = known.answer.decode()
    task = await plane.store.find(TASKS, task_id)
    if not known.body_hash:
        raise ConcurrentTask(EntityKind.IMAGE, "" if task is None else task.entity_id, task_id)
    await _read_through(incoming.chunks)
    if incoming.name() != known.body_hash:
        raise IdempotencyKeyReused(key=key.key)
    return _shown(task, task_id, call)


async def _read_through(chunks: AsyncIterator[bytes]) -> None:
    try:
        while True:
            async with asyncio.timeout(CHUNK_SECONDS_MAX):
                await anext(chunks)
    except StopAsyncIteration:
        return
    except TimeoutError:
        raise ImageUploadError("its bytes came too slowly") from None


def _shown(task: TaskRow | None, task_id: str, call: Call[Any, Any]) -> Task:
    if task is None:
        raise NotFound("task", task_id)
    return task_view(task, call.base)
