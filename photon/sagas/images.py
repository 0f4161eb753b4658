"""CREATE_IMAGE: takes the upload of a request, and makes it an image.

step             do                                                   undo
UPLOAD_IMAGE     store what the request brings, showing how far it    (the library leaves nothing)
                 is; without the request there is nothing to store
REPLICATE_IMAGE  make sure that the file is there to be copied        -
end              image -> READY; duties copy it to hosts              image -> ERROR
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.error_catalogue import ImageNotFound
from photon.domain.image import Image
from photon.domain.orders.image import CreateImage
from photon.domain.readiness import Readiness
from photon.domain.task import ErrorRecord
from photon.images.arrivals import Arrived
from photon.images.errors import ImageUploadError
from photon.images.stored import StoredImage
from photon.sagas.cloud import Cloud
from photon.sagas.images_progress import shown
from photon.store.nouns import IDEMPOTENT_ANSWERS, IMAGES
from photon.store.protocol import Delete, Update, Write
from photon.tasks.saga import Plan, Run, Saga, Step

SEEDED_PERCENT: Final = 100  # Hosts fetch from the library itself: it is the image datastore.

replace = msgspec.structs.replace


async def create_image(run: Run[Cloud], order: CreateImage) -> Arrived:
    arrival = run.deps.images.arrivals.get(order.image_id)
    async with shown(run, arrival):
        arrived = await run(UPLOAD_IMAGE, order)
    await run(REPLICATE_IMAGE, arrived.stored.checksum)
    return arrived


async def upload(cloud: Cloud, order: CreateImage) -> Arrived:
    arrival = cloud.images.arrivals.get(order.image_id)
    if arrival is None:
        raise ImageUploadError("the controller that was receiving it stopped")
    return await arrival.take(
        lambda chunks, progress: cloud.images.receive(
            chunks, progress, total_bytes=arrival.total_bytes
        )
    )


async def replicate(cloud: Cloud, checksum: str) -> None:
    cloud.images.path_of(checksum)


async def finish(cloud: Cloud, order: CreateImage, arrived: Arrived) -> Plan:
    image = await the_image(cloud, order.image_id)
    made = Update(IMAGES, ready(image, arrived.stored))
    return Plan([made, *await _kept(cloud, order, arrived.content_hash)])


async def fail(cloud: Cloud, order: CreateImage, error: ErrorRecord) -> Plan:
    """A file that was refused is refused again under its key; one that never came is not."""
    image = await the_image(cloud, order.image_id)
    arrival = cloud.images.arrivals.get(order.image_id)
    content_hash = None if arrival is None else arrival.content_hash
    return Plan([Update(IMAGES, failed(image)), *await _kept(cloud, order, content_hash)])


async def _kept(cloud: Cloud, order: CreateImage, content_hash: str | None) -> list[Write]:
    """The claim becomes an answer, to this content alone; without a content it is given up."""
    if order.claim_id is None:
        return []
    claim = await cloud.store.find(IDEMPOTENT_ANSWERS, order.claim_id)
    if claim is None:
        return []
    if content_hash is None:
        return [Delete(IDEMPOTENT_ANSWERS, claim.id, claim.generation)]
    return [Update(IDEMPOTENT_ANSWERS, replace(claim, body_hash=content_hash))]


async def the_image(cloud: Cloud, image_id: str) -> Image:
    image = await cloud.store.find(IMAGES, image_id)
    if image is None:
        raise ImageNotFound(image_id)
    return image


def ready(image: Image, stored: StoredImage) -> Image:
    """The image with the file that it is from now on."""
    return replace(
        image,
        state=Readiness.READY,
        checksum=stored.checksum,
        size_bytes=stored.virtual_size_bytes,
        file_size_bytes=stored.file_size_bytes,
        settings=stored.settings,
        seeding_percent=SEEDED_PERCENT,
        task_id=None,
    )


def failed(image: Image) -> Image:
    return replace(image, state=Readiness.ERROR, task_id=None)


UPLOAD_IMAGE = Step("UPLOAD_IMAGE", upload)
REPLICATE_IMAGE = Step("REPLICATE_IMAGE", replicate)

SAGA: Final[Saga[Cloud, CreateImage, Arrived]] = Saga(
    operation="CREATE_IMAGE",
    order=CreateImage,
    shown=("UPLOAD_IMAGE", "REPLICATE_IMAGE"),
    body=create_image,
    finish=finish,
    fail=fail,
    steps=(UPLOAD_IMAGE, REPLICATE_IMAGE),
)
