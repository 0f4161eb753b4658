"""Routes of disks."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import disks
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, StateQuery, Tag
from photon.wire.v1 import disk
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/projects/{id}/disks",
        disks.create_disk,
        Task,
        Tag.DISKS,
        "Create a persistent disk",
        role=Role.PROJECT,
        status=201,
        body=disk.DiskCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/projects/{id}/disks",
        disks.list_disks,
        ResourceList[disk.PersistentDisk],
        Tag.DISKS,
        "List a project's persistent disks",
        role=Role.PROJECT,
        query=NamedQuery,
    ),
    Route(
        "GET",
        "/v1/disks/{id}",
        disks.show_disk,
        disk.PersistentDisk | disk.EphemeralDisk,
        Tag.DISKS,
        "Show a disk",
        role=Role.PROJECT,
    ),
    Route(
        "DELETE",
        "/v1/disks/{id}",
        disks.delete_disk,
        Task,
        Tag.DISKS,
        "Delete a persistent disk that is detached",
        role=Role.PROJECT,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/disks/{id}/tasks",
        disks.list_disk_tasks,
        ResourceList[Task],
        Tag.DISKS,
        "List a persistent disk's tasks",
        role=Role.PROJECT,
        query=StateQuery,
    ),
)
