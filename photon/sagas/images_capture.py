"""CREATE_VM_IMAGE: makes an image of a stopped VM's boot disk.

step             do                                                    undo
CREATE_VM_IMAGE  the host copies the disk, the library fetches the     the host drops its copy
                 copy, the host drops it; refused while the VM runs
REPLICATE_IMAGE  make sure that the file is there to be copied         -
end              image -> READY, with its source's settings; the VM    image -> ERROR; the VM
                 is free                                               is free
"""

from __future__ import annotations

import logging
from contextlib import aclosing
from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.domain.guest import Refusal
from photon.domain.image import Image
from photon.domain.orders.image import CaptureImage
from photon.domain.task import ErrorRecord
from photon.images.stored import StoredImage
from photon.sagas.cloud import Cloud
from photon.sagas.images import REPLICATE_IMAGE, failed, ready, the_image
from photon.sagas.locks import unlock_vm
from photon.sagas.missing import is_missing
from photon.sagas.refusals import explained
from photon.sagas.whereabouts import host_of
from photon.store.nouns import IMAGES, VMS
from photon.store.protocol import Update
from photon.tasks.saga import Plan, Run, Saga, Step

replace = msgspec.structs.replace
log = logging.getLogger(__name__)


class Capture(msgspec.Struct, frozen=True):
    vm_id: str
    image_id: str
    fence: int


async def create_vm_image(run: Run[Cloud], order: CaptureImage) -> StoredImage:
    stored = await run(CREATE_VM_IMAGE, Capture(order.vm_id, order.image_id, run.fence))
    await run(REPLICATE_IMAGE, stored.checksum)
    return stored


async def capture(cloud: Cloud, order: Capture) -> StoredImage:
    vm = await cloud.vm(order.vm_id)
    host = await host_of(cloud, vm)
    with explained("CREATE_VM_IMAGE", vm.id):
        made = await cloud.agents.capture_image(host, order.fence, vm.id, order.image_id)
    async with aclosing(cloud.fetch(made.url)) as chunks:
        stored = await cloud.images.receive(chunks, total_bytes=made.file_size_bytes)
    await _drop(cloud, host, order)
    return stored


async def undo_capture(cloud: Cloud, order: Capture) -> None:
    vm = await cloud.vm(order.vm_id)
    if vm.host_id is not None and not await is_missing(cloud, vm.host_id):
        await _drop(cloud, await cloud.address_of(vm.host_id), order)


async def _drop(cloud: Cloud, host: HostAddress, order: Capture) -> None:
    """A copy that stays behind takes room and does no harm: no task waits for a silent host."""
    try:
        await cloud.agents.drop_capture(host, order.fence, order.image_id)
    except (AgentUnreachable, AgentFaulty, Refusal) as problem:
        log.warning("the copy for image %s stays on its host: %s", order.image_id, problem)


async def finish(cloud: Cloud, order: CaptureImage, stored: StoredImage) -> Plan:
    """The row has the source's settings already; those of the file are none."""
    image: Image = await the_image(cloud, order.image_id)
    vm = await cloud.vm(order.vm_id)
    made = replace(ready(image, stored), settings=image.settings)
    return Plan([Update(IMAGES, made), Update(VMS, replace(vm, task_id=None))])


async def fail(cloud: Cloud, order: CaptureImage, error: ErrorRecord) -> Plan:
    image = await the_image(cloud, order.image_id)
    unlocked = await unlock_vm(cloud, order, error)
    return Plan([Update(IMAGES, failed(image)), *unlocked.writes])


CREATE_VM_IMAGE = Step("CREATE_VM_IMAGE", capture, undo_capture)

SAGA: Final[Saga[Cloud, CaptureImage, StoredImage]] = Saga(
    operation="CREATE_VM_IMAGE",
    order=CaptureImage,
    shown=("CREATE_VM_IMAGE", "REPLICATE_IMAGE"),
    body=create_vm_image,
    finish=finish,
    fail=fail,
    steps=(CREATE_VM_IMAGE, REPLICATE_IMAGE),
)
