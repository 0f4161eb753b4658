"""Routes of availability zones."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import zones
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, StateQuery, Tag
from photon.wire.v1 import host
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/zones",
        zones.create_zone,
        Task,
        Tag.ZONES,
        "Create an availability zone",
        role=Role.SYSTEM,
        status=201,
        body=host.ZoneCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/zones",
        zones.list_zones,
        ResourceList[host.Zone],
        Tag.ZONES,
        "List availability zones",
        role=Role.SYSTEM,
        query=NamedQuery,
    ),
    Route(
        "GET",
        "/v1/zones/{id}",
        zones.show_zone,
        host.Zone,
        Tag.ZONES,
        "Show an availability zone",
        role=Role.SYSTEM,
    ),
    Route(
        "DELETE",
        "/v1/zones/{id}",
        zones.delete_zone,
        Task,
        Tag.ZONES,
        "Delete an availability zone once no host is in it",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/zones/{id}/tasks",
        zones.list_zone_tasks,
        ResourceList[Task],
        Tag.ZONES,
        "List an availability zone's tasks",
        role=Role.SYSTEM,
        query=StateQuery,
    ),
)
