"""Uploads in the manners of the Go and the Ruby client (clients.md, Uploads; contract, 7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.clients.cloud import World, raw_image
from tests.clients.go_client import Form, GoClient, as_error, step_errors
from tests.clients.go_structs import IMAGE, TASK
from tests.images.builders import NVME, a_raw_disk, a_tar, a_vmdk, an_ova, an_ovf


@pytest.fixture
def go(world: World) -> Iterator[GoClient]:
    with closing(GoClient(*world.client.address)) as client:
        yield client


@pytest.mark.parametrize(
    "form",
    [
        Form("go.raw", raw_image(), "EAGER"),
        Form("small.vmdk", raw_image(), "on_demand"),
        Form("ruby.ova", raw_image(), "EAGER", chunked=False, field="imageReplication"),
    ],
    ids=["go", "go-lower-case", "ruby"],
)
def test_an_image_is_uploaded(go: GoClient, world: World, form: Form) -> None:
    answer = go.send("/v1/images", form)
    assert answer.status == 201
    task = go.wait(go.checked(answer.read(TASK)))
    assert [step["operation"] for step in task["steps"]] == ["UPLOAD_IMAGE", "REPLICATE_IMAGE"]
    assert task["operation"] == "CREATE_IMAGE"
    assert task["state"] == "COMPLETED"
    image = go.entity(f"/v1/images/{task['entity']['id']}", IMAGE)
    assert (image["name"], image["state"], image["size"]) == (form.name, "READY", 1 << 20)
    assert image["replicationType"] == str(form.replication).upper()
    assert image["replicationProgress"].endswith("%")
    assert image["scope"]["kind"] == "deployment"
    assert go.items(f"/v1/images?name={form.name}", IMAGE) == [image]
    go.done("DELETE", f"/v1/images/{image['id']}")


def test_a_project_has_images_of_its_own(go: GoClient, world: World) -> None:
    path = f"/v1/projects/{world.project}/images"
    task = world.upload(Form("mine.raw", raw_image()), path)
    image = go.entity(f"/v1/images/{task['entity']['id']}", IMAGE)
    assert image["scope"] == {"kind": "project", "id": world.project}
    go.done("DELETE", f"/v1/images/{image['id']}")


@pytest.mark.parametrize(
    "form",
    [
        Form("a.raw", raw_image(), None),
        Form("a.raw", raw_image(), "LAZY"),
        Form("a.raw", raw_image(), file_first=True),
        Form("", raw_image()),
        Form("a.raw", raw_image(), None, chunked=False),
    ],
    ids=["no-field", "no-such-type", "field-last", "no-name", "ruby-no-field"],
)
def test_a_form_that_is_none_is_refused_and_leaves_nothing(world: World, form: Form) -> None:
    before = len(world.client.items("/v1/images", IMAGE))
    with closing(GoClient(*world.client.address)) as go:
        assert as_error(go.send("/v1/images", form))[:2] == (400, "ImageUploadError")
    assert len(world.client.items("/v1/images", IMAGE)) == before


@pytest.fixture(scope="module")
def vmdk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder: Path = tmp_path_factory.mktemp("disks")
    return a_vmdk(a_raw_disk(folder / "disk.raw")).read_bytes()


def test_a_vmdk_and_an_ova_become_images(world: World, vmdk: bytes) -> None:
    for name, content, settings in (
        ("disk.vmdk", vmdk, {}),
        ("machine.ova", an_ova(vmdk), {"scsi0.virtualDev": "lsilogic"}),
    ):
        task = world.upload(Form(name, content))
        assert task["state"] == "COMPLETED", task
        image = world.client.entity(f"/v1/images/{task['entity']['id']}", IMAGE)
        assert (image["name"], image["state"]) == (name, "READY")
        said = {setting["name"]: setting["defaultValue"] for setting in image["settings"]}
        assert said == settings
        world.client.done("DELETE", f"/v1/images/{image['id']}")


def test_files_that_are_no_images_are_errors_of_the_first_step(world: World, vmdk: bytes) -> None:
    nvme = a_tar([("vm.ovf", an_ovf(controller=NVME)), ("disk.vmdk", vmdk)])
    for content, code in (
        (b"", "UnsupportedImageFileType"),
        (b"<html>", "UnsupportedImageFileType"),
        (b"KDMV" + bytes(4096), "InvalidVmdkFormat"),
        (vmdk[: len(vmdk) // 2], "InvalidVmdkFormat"),
        (a_tar([("disk.vmdk", vmdk)]), "InvalidOva"),
        (nvme, "UnsupportedDiskController"),
    ):
        task = world.upload(Form("file.ova", content))
        assert step_errors(task) == [code]
        assert task["steps"][0]["operation"] == "UPLOAD_IMAGE"
        world.client.done("DELETE", f"/v1/images/{task['entity']['id']}")


def test_a_form_that_is_refused_early_is_read_to_its_end(go: GoClient) -> None:
    """Else a client that sends before it reads would see a broken line instead of the error."""
    for chunked in (True, False):
        form = Form("large.raw", bytes(16 << 20), None, chunked=chunked)
        assert as_error(go.send("/v1/images", form))[:2] == (400, "ImageUploadError")
