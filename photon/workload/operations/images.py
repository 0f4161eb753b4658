"""Images: uploaded for everybody or for one project, made of a VM, downloaded, and taken away."""

from __future__ import annotations

import hashlib
from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.caller import TRIES_MAX, Asked, Reply
from photon.workload.client import CONCURRENT, Client
from photon.workload.facts import NEVER, Cell, Life, Span
from photon.workload.gate import SYSTEM_PAUSED
from photon.workload.ledger import Json, codes_of
from photon.workload.model import judge_there, unexpected
from photon.workload.operations.vms import STOPPED, a_vm, spec_of
from photon.workload.site import small_disk
from photon.workload.things import Image, Project, Use, Vm

READY, CREATING, ERROR = "READY", "CREATING", "ERROR"
PENDING_DELETE: Final = "PENDING_DELETE"
IMAGES: Final = "/v1/images"
BOUNDARY: Final = "photon-workload-boundary"
# An earlier try of the same upload ends within a minute: by itself, or when its controller is dead.
UPLOAD_TRIES_MAX: Final = 8
UPLOAD_PAUSE_SECONDS: Final = 5.0
_REPLICATION: Final = ("EAGER", "ON_DEMAND")


async def upload_image(client: Client) -> None:
    """For everybody."""
    await _upload(client, IMAGES, None)


async def upload_for_project(client: Client) -> None:
    """For one project, which cannot be deleted as long as it has it."""
    project = client.ready(client.model.projects)
    if project is not None:
        await _upload(client, f"/v1/projects/{project.id}/images", project)


async def _upload(client: Client, path: str, project: Project | None) -> None:
    """The same words and the same file under one key are one upload, however often they come."""
    number = client.random.randrange(1 << 30)
    replication = client.random.choice(_REPLICATION)
    name = f"image-{number}.raw"
    state = Cell(CREATING, READY, ERROR)
    image = Image(name=name, life=Life(0), state=state, project=project)
    key = client.caller.desk.new_key()
    image.life.asked = client.history.tick()
    client.model.images.ask(image)
    with client.using(image) as use:
        reply = await _sent(client, path, image, (_form(name, number, replication), key))
        if project is not None:
            project.strays |= reply.doubt
        if reply.refused:
            client.model.images.refused(image)
            if not _may_refuse(project, reply):
                raise unexpected(reply, f"the upload of {image.name}")
        if not reply.ok:
            return
        task = client.created(client.model.images, image, reply, key)
        ended = await client.wait(task, image, use)
        if ended is None:
            return
        made = READY if ended["state"] == "COMPLETED" else ERROR
        change = image.state.begin(reply.span.begin, lambda _: made)
        image.state.done(change, client.history.tick())
        if made == ERROR and not reply.doubt:
            raise unexpected(reply, f"the image {image.id}: {ended['steps']}", image.id)


def _may_refuse(project: Project | None, reply: Reply) -> bool:
    gone = project is not None and not project.life.surely(reply.span)
    return reply.code == SYSTEM_PAUSED or (gone and reply.code in ("NotFound", CONCURRENT))


async def _sent(client: Client, path: str, image: Image, form: tuple[bytes, str]) -> Reply:
    body, key = form
    headers = {
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        "idempotency-key": key,
    }
    asked = Asked("POST", path, body, headers, (image.name,), TRIES_MAX)
    reply = await client.caller.send(asked)
    doubt = reply.doubt
    for _ in range(UPLOAD_TRIES_MAX):
        if reply.code != CONCURRENT and reply.status:
            break  # Else an earlier try is still being received.
        doubt = True
        await client.caller.desk.clock.sleep(UPLOAD_PAUSE_SECONDS)
        reply = await client.caller.send(asked)
    return Reply(reply.status, reply.body, reply.span, doubt or reply.doubt)


def _form(name: str, number: int, replication: str) -> bytes:
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="ImageReplication"\r\n\r\n'
        f"{replication}\r\n--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + small_disk(number) + f"\r\n--{BOUNDARY}--\r\n".encode()


async def capture_image(client: Client) -> None:
    """An image of a stopped VM, for its project."""
    vm = client.some(client.model.vms)
    if vm is None:
        return
    name = f"capture-{client.random.randrange(1000)}"
    state = Cell(CREATING, READY, ERROR)
    image = Image(name=name, life=Life(0), state=state, project=vm.project)
    image.life.asked = begin = client.history.tick()
    client.model.images.ask(image)
    with client.using(vm, image) as use:
        spec = {"name": name, "replicationType": client.random.choice(_REPLICATION)}
        reply = await client.caller.post(f"/v1/vms/{vm.id}/create_image", spec, vm.id)
        if reply.status:
            judge_there("VM", vm, reply)
        if reply.refused:
            client.model.images.refused(image)
        if reply.ok:
            await _captured(client, vm, image, use, (reply, begin))
        elif not reply.refused:
            vm.doubts += 1  # It may have begun, and then has the VM.


async def _captured(
    client: Client, vm: Vm, image: Image, use: Use, asked: tuple[Reply, int]
) -> None:
    """The answer has the image's id; but if another task has the VM, there never is an image."""
    reply, begin = asked
    task = client.caller.task_in(reply)
    id = image.id = str(task["entity"]["id"])
    client.caller.desk.ledger.new_id(id, str(task["id"]))
    image.doubts += 1
    ended = await client.wait(task, vm, use, id)
    if ended is None:
        return
    image.doubts -= 1
    codes, now = codes_of(ended), client.history.tick()
    if CONCURRENT in codes:
        client.model.images.refused(image)
        return
    client.model.images.made(image, id, Span(now, now))
    made = READY if ended["state"] == "COMPLETED" else ERROR
    image.state.done(image.state.begin(now, lambda _: made), now)
    states = vm.state.during(Span(begin, now))
    if states is None or client.site.guests_die:
        return
    if made == READY and STOPPED not in states:
        text = f"an image was made of VM {vm.id}, being {sorted(states)}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, vm.id, id)
    if "InvalidVmState" in codes and states == {STOPPED} and use.alone:
        text = f"no image was made of VM {vm.id}, which is stopped: {codes}"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text, vm.id, id)


async def download_image(client: Client) -> None:
    """What comes is what the image's checksum says."""
    image = client.some(client.model.images)
    if image is None:
        return
    shown = await client.look(client.model.images, image, f"{IMAGES}/{image.id}")
    if shown is None:
        return
    judge_image(image, shown.body, shown.span)
    path = f"{IMAGES}/{image.id}/content"
    reply = await client.caller.send(Asked("GET", path, ids=(image.id,), tries=3, raw=True))
    if not reply.status or not judge_there("image", image, reply):
        if reply.status and shown.body["state"] == READY and image.life.surely(reply.span):
            raise unexpected(reply, f"the file of image {image.id}", image.id)
        return
    checksum = hashlib.sha256(reply.body).hexdigest()
    if checksum != shown.body["checksum"]:
        text = f"image {image.id} is {shown.body['checksum']}, and {checksum} was downloaded"
        raise Broken(Promise.READS_SEE_WRITES, text, image.id)


def judge_image(image: Image, shown: Json, span: Span) -> None:
    """Raises Broken."""
    states = image.state.during(span)
    leaving = image.life.leaving != NEVER and shown["state"] == PENDING_DELETE
    if states is not None and shown["state"] not in states and not leaving:
        text = f"image {image.id} is shown as {shown['state']}, not {sorted(states)}"
        raise Broken(Promise.READS_SEE_WRITES, text, image.id)
    scope = shown["scope"]
    owner = None if image.project is None else image.project.id
    if shown["name"] != image.name or (owner is not None) != (scope["kind"] == "project"):
        text = f"image {image.id} ({image.name}, of project {owner}) is shown as {shown}"
        raise Broken(Promise.READS_SEE_WRITES, text, image.id)
    if owner is not None and scope["id"] != owner:
        text = f"image {image.id} is project {owner}'s, and is shown as {scope['id']}'s"
        raise Broken(Promise.READS_SEE_WRITES, text, image.id)


async def take_anothers_image(client: Client) -> None:
    """A project's own image is nobody else's to make VMs of."""
    vm = a_vm(client)
    if vm is None:
        return
    foreign = [image for image in client.model.images if image.project not in (None, vm.project)]
    image = client.ready(foreign)
    if image is None:
        return
    vm.image = image
    path = f"/v1/projects/{vm.project.id}/vms"
    reply = await client.caller.post(path, spec_of(client, vm), vm.project.id, image.id)
    if reply.ok:
        text = f"project {vm.project.id} made a VM of image {image.id}, which is not its own"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, vm.project.id, image.id)
