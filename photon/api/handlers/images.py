"""Images: what VMs' boot disks are made from. Uploads are in `image_upload`."""

from __future__ import annotations

import msgspec

from photon.api.download import Download
from photon.api.found import the_vm
from photon.api.paging import Listing
from photon.api.plane import Plane
from photon.api.route import Call, NamedQuery, NoQuery, StateQuery
from photon.api.submit import Ask, Job, completed, refused, submitted
from photon.api.task_lists import tasks_of
from photon.api.views.image import image_view
from photon.api.watching import Listed, listed
from photon.domain.error_catalogue import ConcurrentTask, ImageNotFound, InvalidImageState
from photon.domain.image import Image, ImageSetting, ReplicationType
from photon.domain.kinds import EntityKind
from photon.domain.orders.image import CaptureImage
from photon.domain.readiness import DELETABLE, Readiness
from photon.domain.vm import Vm
from photon.images.errors import InvalidImageReplicationType
from photon.store.endings import tombstone
from photon.store.nouns import IMAGES, VMS
from photon.store.protocol import Insert, Update, Write
from photon.store.reaping import reap_image
from photon.wire.v1 import image as wire
from photon.wire.v1.task import Task

Plain = Call[NoQuery, None]
replace = msgspec.structs.replace


async def list_images(plane: Plane, call: Call[NamedQuery, None]) -> Listed[wire.Image]:
    """Those for everybody; administrators see the projects' own as well."""
    within = {} if call.principal.administrator else {"project_id": None}
    listing = Listing(IMAGES, image_view, within=within, filters={"name": call.query.name})
    return await listed(plane, call, listing)


async def show_image(plane: Plane, call: Plain) -> wire.Image:
    return image_view(await _the_image(plane, call.id), call.base)


async def list_image_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await _the_image(plane, call.id)
    return await tasks_of(plane, call, EntityKind.IMAGE)


async def download_image(plane: Plane, call: Plain) -> Download:
    """The stored qcow2: hosts fetch it here."""
    image = await _the_image(plane, call.id)
    if not image.checksum:
        raise InvalidImageState(image.id, image.state)
    chunks = await plane.images.read(image.checksum)
    return Download(chunks, chunks.size_bytes, "application/octet-stream")


async def delete_image(plane: Plane, call: Plain) -> Task:
    """Gone at once when no VM was made from it, else PENDING_DELETE until the last of them goes."""
    image = await _the_image(plane, call.id)
    if image.state not in DELETABLE or image.task_id is not None:
        raise InvalidImageState(image.id, image.state)
    leaving = replace(image, state=Readiness.PENDING_DELETE)
    ask = Ask("DELETE_IMAGE", EntityKind.IMAGE, image.id, image.project_id)
    writes: list[Write] = [
        Update(IMAGES, leaving),
        tombstone(EntityKind.IMAGE, image.id, plane.clock.now_ms(), image.project_id),
        reap_image(image.id),
    ]
    return await completed(plane, call, ask, writes)


async def create_vm_image(plane: Plane, call: Call[NoQuery, wire.ImageCreateSpec]) -> Task:
    """Makes an image of a VM's boot disk, for the VM's project; the VM must be stopped."""
    replication = _replication(call.body.replication_type)
    plane.images.admit()
    vm = await the_vm(plane, call.id)
    task_id = plane.ids.new()
    image = Image(
        id=plane.ids.new(),
        name=call.body.name,
        replication_type=replication,
        project_id=vm.project_id,
        settings=await _settings_of(plane, vm),
        task_id=task_id,
    )
    ask = Ask("CREATE_VM_IMAGE", EntityKind.IMAGE, image.id, vm.project_id)
    if vm.task_id is not None:
        return await refused(plane, call, ask, ConcurrentTask("vm", vm.id, vm.task_id))
    writes: list[Write] = [Update(VMS, replace(vm, task_id=task_id)), Insert(IMAGES, image)]
    return await submitted(plane, call, ask, Job(task_id, CaptureImage(vm.id, image.id)), writes)


def _replication(text: str) -> ReplicationType:
    try:
        return ReplicationType(text.upper())
    except ValueError:
        raise InvalidImageReplicationType(text[:32]) from None


async def _settings_of(plane: Plane, vm: Vm) -> tuple[ImageSetting, ...]:
    source = await plane.store.find(IMAGES, vm.image_id)
    return () if source is None else source.settings


async def _the_image(plane: Plane, image_id: str) -> Image:
    image = await plane.store.find(IMAGES, image_id)
    if image is None:
        raise ImageNotFound(image_id)
    return image
