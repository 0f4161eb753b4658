"""Routes of images."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import image_upload, images
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, StateQuery, Tag
from photon.wire.v1 import image
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/images",
        image_upload.upload_image,
        Task,
        Tag.IMAGES,
        "Upload an image for everybody",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
        upload=True,
        repeat=False,
    ),
    Route(
        "POST",
        "/v1/projects/{id}/images",
        image_upload.upload_project_image,
        Task,
        Tag.IMAGES,
        "Upload an image for one project",
        role=Role.PROJECT,
        status=201,
        gate=Gate.CHANGE,
        upload=True,
        repeat=False,
    ),
    Route(
        "GET",
        "/v1/images",
        images.list_images,
        ResourceList[image.Image],
        Tag.IMAGES,
        "List images",
        query=NamedQuery,
    ),
    Route(
        "GET",
        "/v1/images/{id}",
        images.show_image,
        image.Image,
        Tag.IMAGES,
        "Show an image",
    ),
    Route(
        "GET",
        "/v1/images/{id}/content",
        images.download_image,
        None,
        Tag.IMAGES,
        "Download the stored qcow2",
        downloads=True,
    ),
    Route(
        "GET",
        "/v1/images/{id}/tasks",
        images.list_image_tasks,
        ResourceList[Task],
        Tag.IMAGES,
        "List an image's tasks",
        query=StateQuery,
    ),
    Route(
        "DELETE",
        "/v1/images/{id}",
        images.delete_image,
        Task,
        Tag.IMAGES,
        "Delete an image, once no VM is made from it",
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/vms/{id}/create_image",
        images.create_vm_image,
        Task,
        Tag.IMAGES,
        "Make an image of a stopped VM",
        role=Role.PROJECT,
        status=201,
        body=image.ImageCreateSpec,
        gate=Gate.CHANGE,
    ),
)
