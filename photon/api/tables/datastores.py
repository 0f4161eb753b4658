"""Routes of datastores."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import datastores
from photon.api.principal import Role
from photon.api.route import Route, Tag
from photon.wire.v1 import host
from photon.wire.v1.basics import ResourceList

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
)
