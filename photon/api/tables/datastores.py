"""Routes of datastores."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import datastores
from photon.api.principal import Role
from photon.api.route import Gate, Route, Tag
from photon.wire.v1 import host
from photon.wire.v1.basics import ResourceList, StringList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/v1/infrastructure/datastores",
        datastores.list_datastores,
        ResourceList[host.Datastore],
        Tag.INFRASTRUCTURE,
        "List datastores",
        role=Role.SYSTEM,
        query=datastores.DatastoresQuery,
    ),
    Route(
        "GET",
        "/v1/infrastructure/datastores/{id}",
        datastores.show_datastore,
        host.Datastore,
        Tag.INFRASTRUCTURE,
        "Show a datastore",
        role=Role.SYSTEM,
    ),
    Route(
        "POST",
        "/v1/infrastructure/image-datastores",
        datastores.set_image_datastores,
        Task,
        Tag.INFRASTRUCTURE,
        "Name the datastores that images are kept on",
        role=Role.SYSTEM,
        body=StringList,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/infrastructure/sync-hosts-config",
        datastores.sync_hosts_config,
        Task,
        Tag.INFRASTRUCTURE,
        "Tell every host its configuration once more",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
)
