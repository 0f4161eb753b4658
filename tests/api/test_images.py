"""Images: uploads in both clients' shapes, what they leave behind, and the images' end."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from photon.domain.readiness import Readiness
from photon.domain.task import TaskState
from photon.store.nouns import IDEMPOTENT_ANSWERS, IMAGES, TASKS
from photon.store.protocol import Update
from tests.api.cloud_rig import CloudApi, error_codes
from tests.api.rig import Json
from tests.images.builders import a_raw_disk, files_under, qemu_img

PATH: Final = "/v1/images"
GO: Final = "go-boundary"
RUBY: Final = "-----------RubyMultipartPost"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path)
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def disk(tmp_path: Path) -> bytes:
    return a_raw_disk(tmp_path / "disk.raw").read_bytes()


@pytest.fixture
def large(tmp_path: Path) -> bytes:
    """A disk of a whole GiB, with nothing in it."""
    qemu_img("create", "-f", "qcow2", tmp_path / "large.qcow2", "1G")
    return (tmp_path / "large.qcow2").read_bytes()


def go_form(content: bytes, name: str = "disk.raw", replication: str = "EAGER") -> bytes:
    """As the Go client writes it: it begins with an empty line, and does not end with one."""
    return (
        (
            f"\r\n--{GO}\r\n"
            'Content-Disposition: form-data; name="ImageReplication"\r\n\r\n'
            f"{replication}\r\n--{GO}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{GO}--".encode()
    )


def ruby_form(content: bytes, name: str = "disk.raw") -> bytes:
    return (
        (
            f"--{RUBY}\r\n"
            'Content-Disposition: form-data; name="imageReplication"\r\n\r\n'
            f"on_demand\r\n--{RUBY}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            f"Content-Length: {len(content)}\r\n"
            "Content-Type: application/octet-stream\r\n"
            "Content-Transfer-Encoding: binary\r\n\r\n"
        ).encode()
        + content
        + f"\r\n--{RUBY}--\r\n\r\n".encode()
    )


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


def form_type(boundary: str = GO) -> dict[str, str]:
    return {"content-type": f"multipart/form-data; boundary={boundary}"}


async def upload(
    api: CloudApi,
    form: bytes,
    path: str = PATH,
    *,
    boundary: str = GO,
    key: str | None = None,
) -> Json:
    """The task that the POST is answered with."""
    headers = form_type(boundary) | ({} if key is None else {"idempotency-key": key})
    answer = await api.client.post(path, content=in_pieces(form), headers=headers)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def an_image(api: CloudApi, content: bytes, path: str = PATH) -> str:
    return str((await upload(api, go_form(content), path))["entity"]["id"])


async def test_an_upload_of_the_go_client_becomes_an_image(api: CloudApi, disk: bytes) -> None:
    task = await upload(api, go_form(disk))
    assert (task["operation"], task["state"], task["entity"]["kind"]) == (
        "CREATE_IMAGE",
        "COMPLETED",
        "image",
    )
    assert [step["operation"] for step in task["steps"]] == ["UPLOAD_IMAGE", "REPLICATE_IMAGE"]
    options = task["steps"][0]["options"]
    assert options["receivedBytes"] == str(len(disk))
    assert options["phase"] == "STORING"
    shown = await api.get(f"{PATH}/{task['entity']['id']}")
    assert shown["state"] == "READY"
    assert shown["name"] == "disk.raw"
    assert shown["size"] == len(disk)
    assert shown["replicationType"] == "EAGER"
    assert shown["seedingProgress"] == "100%"
    assert shown["scope"] == {"kind": "deployment", "id": "default"}
    assert [image["id"] for image in await api.items(f"{PATH}?name=disk.raw")] == [shown["id"]]
    assert await api.items(f"{PATH}?name=other") == []
    tasks = await api.items(f"{PATH}/{shown['id']}/tasks")
    assert [each["id"] for each in tasks] == [task["id"]]


async def test_an_upload_of_the_ruby_client_becomes_an_image(api: CloudApi, disk: bytes) -> None:
    task = await upload(api, ruby_form(disk), boundary=RUBY)
    assert (await api.get(f"{PATH}/{task['entity']['id']}"))["replicationType"] == "ON_DEMAND"


async def test_what_is_downloaded_is_what_is_stored(api: CloudApi, disk: bytes) -> None:
    image = await api.store.find(IMAGES, await an_image(api, disk))
    assert image is not None
    answer = await api.client.get(f"{PATH}/{image.id}/content")
    assert answer.status_code == 200
    assert answer.headers["content-length"] == str(image.file_size_bytes)
    assert hashlib.sha256(answer.content).hexdigest() == image.checksum


async def test_a_projects_image_names_its_project(api: CloudApi, disk: bytes) -> None:
    tenant = await api.made("/v1/tenants", {"name": "t"})
    project = await api.made(f"/v1/tenants/{tenant}/projects", {"name": "p"})
    image_id = await an_image(api, disk, f"/v1/projects/{project}/images")
    shown = await api.get(f"{PATH}/{image_id}")
    assert shown["scope"] == {"kind": "project", "id": project}
    tasks = await api.items(f"/v1/projects/{project}/tasks")
    assert "CREATE_IMAGE" in [task["operation"] for task in tasks]


async def test_an_upload_into_no_project_leaves_nothing(api: CloudApi, disk: bytes) -> None:
    answer = await api.client.post(
        "/v1/projects/none/images", content=go_form(disk), headers=form_type()
    )
    assert answer.status_code == 404
    assert await api.store.count(IMAGES, {}) == 0


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        (go_form(b"x", replication="SOMETIMES"), form_type()),
        (go_form(b"x", name=""), form_type()),
        (go_form(b"x").replace(b"ImageReplication", b"SomethingElse"), form_type()),
        (b"no form at all", form_type()),
        (b"", form_type()),
        (go_form(b"x"), {"content-type": "application/json"}),
        (go_form(b"x"), {}),
    ],
)
async def test_a_bad_form_is_answered_at_once_and_leaves_nothing(
    api: CloudApi, form: bytes, headers: dict[str, str]
) -> None:
    answer = await api.client.post(PATH, content=form, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["code"] == "ImageUploadError"
    assert await api.store.count(IMAGES, {}) == 0
    assert await api.store.count(TASKS, {}) == 0


async def test_a_bad_file_is_an_error_of_the_first_step(api: CloudApi) -> None:
    task = await upload(api, go_form(b"this is no disk"))
    assert task["state"] == "ERROR"
    assert [step["state"] for step in task["steps"]] == ["ERROR", "QUEUED"]
    assert task["steps"][0]["errors"][0]["code"] == "UnsupportedImageFileType"
    image_id = task["entity"]["id"]
    assert (await api.get(f"{PATH}/{image_id}"))["state"] == "ERROR"
    assert await api.plane.images.list() == ()
    await api.refused("GET", f"{PATH}/{image_id}/content", code="InvalidImageState")
    await api.do("DELETE", f"{PATH}/{image_id}")
    await api.refused("GET", f"{PATH}/{image_id}", code="ImageNotFound", status=404)


async def broken_off(api: CloudApi, body: bytes) -> int:
    """A client sends `body` and goes away; the status that it would have seen."""
    events = [
        {"type": "http.request", "body": body, "more_body": True},
        {"type": "http.disconnect"},
    ]
    seen: list[Any] = []

    async def receive() -> Any:
        return events.pop(0) if len(events) > 1 else events[0]

    async def send(event: Any) -> None:
        seen.append(event)

    headers = [(b"content-type", form_type()["content-type"].encode()), (b"host", b"api.test")]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": headers,
        "scheme": "http",
        "server": ("api.test", 80),
        "client": ("127.0.0.1", 1),
    }
    await api.app(scope, receive, send)
    return int(seen[0]["status"])


async def test_a_client_that_goes_away_leaves_an_image_in_error_and_no_file(
    api: CloudApi, disk: bytes, tmp_path: Path
) -> None:
    await broken_off(api, go_form(disk)[:-100_000])
    image = (await api.store.page(IMAGES, {}, limit=1)).items[0]
    task = (await api.store.page(TASKS, {"entity_id": image.id}, limit=1)).items[0]
    assert error_codes(await api.ended(task.id)) == ["ImageUploadError"]
    image = (await api.store.page(IMAGES, {}, limit=1)).items[0]
    assert (image.state, image.task_id) == (Readiness.ERROR, None)
    assert files_under(tmp_path / "images") == []
    assert api.plane.images.arrivals == {}


async def test_a_cancelled_request_ends_its_task(api: CloudApi, disk: bytes) -> None:
    begun = asyncio.Event()

    async def for_ever() -> AsyncIterator[bytes]:
        yield go_form(disk)[:100_000]
        begun.set()
        await asyncio.Event().wait()

    asking = asyncio.create_task(api.client.post(PATH, content=for_ever(), headers=form_type()))
    await begun.wait()
    task = (await api.store.page(TASKS, {}, limit=1)).items[0]
    asking.cancel()
    assert error_codes(await api.ended(task.id)) == ["ImageUploadError"]


async def test_an_upload_is_seen_while_it_comes_in(api: CloudApi, disk: bytes) -> None:
    halfway, go_on = asyncio.Event(), asyncio.Event()
    form = go_form(disk + bytes(3 << 20))

    async def slowly() -> AsyncIterator[bytes]:
        yield form[: 2 << 20]
        halfway.set()
        await go_on.wait()
        yield form[2 << 20 :]

    asking = asyncio.create_task(api.client.post(PATH, content=slowly(), headers=form_type()))
    await halfway.wait()
    image = (await api.items(PATH))[0]
    assert image["state"] == "CREATING"
    task = (await api.items(f"{PATH}/{image['id']}/tasks"))[0]
    assert task["state"] in ("QUEUED", "STARTED")
    await api.refused("DELETE", f"{PATH}/{image['id']}", code="InvalidImageState")
    go_on.set()
    assert (await asking).json()["state"] == "COMPLETED"


async def test_a_controller_that_died_meanwhile_ends_the_task_cleanly(
    api: CloudApi, disk: bytes
) -> None:
    """The next incarnation adopts a task whose request is gone."""
    image_id = await an_image(api, disk)
    image = await api.store.find(IMAGES, image_id)
    task = (await api.store.page(TASKS, {"entity_id": image_id}, limit=1)).items[0]
    assert image is not None
    again = msgspec.structs.replace(
        task, state=TaskState.STARTED, results={}, owner="dead", ended_ms=None
    )
    creating = msgspec.structs.replace(image, state=Readiness.CREATING, task_id=task.id)
    await api.store.commit([Update(TASKS, again), Update(IMAGES, creating)])
    assert await api.runner.adopt("dead") == 1
    assert error_codes(await api.ended(task.id)) == ["ImageUploadError"]
    image = await api.store.find(IMAGES, image_id)
    assert image is not None
    assert (image.state, image.task_id) == (Readiness.ERROR, None)


async def test_the_same_upload_under_the_same_key_is_made_once(api: CloudApi, disk: bytes) -> None:
    first = await upload(api, go_form(disk), key="k")
    second = await upload(
        api, ruby_form(disk).replace(b"on_demand", b"EAGER"), boundary=RUBY, key="k"
    )
    assert second == first
    assert await api.store.count(IMAGES, {}) == 1


async def test_another_upload_under_the_same_key_is_refused(api: CloudApi, disk: bytes) -> None:
    await upload(api, go_form(disk), key="k")
    for form in (go_form(disk + b"!"), go_form(disk, name="other.raw")):
        answer = await api.client.post(
            PATH, content=form, headers=form_type() | {"idempotency-key": "k"}
        )
        assert answer.status_code == 422
    assert await api.store.count(IMAGES, {}) == 1


async def test_a_bad_file_is_the_same_bad_file_under_its_key(api: CloudApi) -> None:
    first = await upload(api, go_form(b"this is no disk"), key="k")
    assert await upload(api, go_form(b"this is no disk"), key="k") == first


async def test_a_key_is_free_again_when_its_upload_broke_off(api: CloudApi, disk: bytes) -> None:
    form = go_form(disk)
    answer = await api.client.post(
        PATH, content=in_pieces(form[:-9]), headers=form_type() | {"idempotency-key": "k"}
    )
    assert error_codes(await api.ended(answer.json()["id"])) == ["ImageUploadError"]
    assert await api.store.count(IDEMPOTENT_ANSWERS, {}) == 0
    assert (await upload(api, form, key="k"))["state"] == "COMPLETED"


async def test_a_deleted_image_that_no_vm_has_is_gone(api: CloudApi, disk: bytes) -> None:
    image_id = await an_image(api, disk)
    task = await api.do("DELETE", f"{PATH}/{image_id}")
    assert (task["operation"], task["entity"]["id"]) == ("DELETE_IMAGE", image_id)
    await api.refused("GET", f"{PATH}/{image_id}", code="ImageNotFound", status=404)


async def test_an_image_that_a_vm_has_goes_with_the_vm(api: CloudApi, disk: bytes) -> None:
    await api.ready_host()
    image_id = await an_image(api, disk)
    vm_id = await api.a_vm(await api.a_project(), image_id)
    await api.do("DELETE", f"{PATH}/{image_id}")
    assert (await api.get(f"{PATH}/{image_id}"))["state"] == "PENDING_DELETE"
    await api.refused("DELETE", f"{PATH}/{image_id}", code="InvalidImageState")
    await api.run("DELETE", f"/v1/vms/{vm_id}")
    await api.refused("GET", f"{PATH}/{image_id}", code="ImageNotFound", status=404)


async def test_a_stopped_vm_becomes_an_image_of_its_project(api: CloudApi, large: bytes) -> None:
    await api.ready_host()
    project = await api.a_project()
    vm_id = await api.a_vm(project, await an_image(api, large))
    spec = {"name": "made-of-vm", "replicationType": "ON_DEMAND"}
    task = await api.run("POST", f"/v1/vms/{vm_id}/create_image", spec)
    assert (task.operation, task.entity_kind, task.state) == (
        "CREATE_VM_IMAGE",
        "image",
        "COMPLETED",
    ), task
    assert [step.operation for step in task.steps] == ["CREATE_VM_IMAGE", "REPLICATE_IMAGE"]
    shown = await api.get(f"{PATH}/{task.entity_id}")
    assert (shown["name"], shown["state"], shown["replicationType"]) == (
        "made-of-vm",
        "READY",
        "ON_DEMAND",
    )
    assert shown["scope"] == {"kind": "project", "id": project}
    assert await api.a_vm(project, task.entity_id)


async def test_a_vm_that_runs_does_not_become_an_image(api: CloudApi, disk: bytes) -> None:
    await api.ready_host()
    vm_id = await api.a_vm(await api.a_project(), await an_image(api, disk))
    await api.run("POST", f"/v1/vms/{vm_id}/start")
    spec = {"name": "made-of-vm", "replicationType": "EAGER"}
    task = await api.run("POST", f"/v1/vms/{vm_id}/create_image", spec)
    assert error_codes(task) == ["InvalidVmState"]
    assert (await api.get(f"{PATH}/{task.entity_id}"))["state"] == "ERROR"
    assert (await api.run("POST", f"/v1/vms/{vm_id}/stop")).state is TaskState.COMPLETED


async def test_an_image_is_not_replicated_as_one_pleases(api: CloudApi, disk: bytes) -> None:
    await api.ready_host()
    vm_id = await api.a_vm(await api.a_project(), await an_image(api, disk))
    spec = {"name": "made-of-vm", "replicationType": "SOMETIMES"}
    await api.refused(
        "POST", f"/v1/vms/{vm_id}/create_image", spec, code="InvalidImageReplicationType"
    )


@pytest.mark.parametrize("path", ["", "/tasks", "/content"])
async def test_an_unknown_image_is_not_found(api: CloudApi, path: str) -> None:
    await api.refused("GET", f"{PATH}/nobody{path}", code="ImageNotFound", status=404)
