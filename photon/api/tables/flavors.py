"""Routes of flavors."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import flavors
from photon.api.principal import Role
from photon.api.route import Gate, Route, StateQuery, Tag
from photon.wire.v1 import flavor
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/flavors",
        flavors.create_flavor,
        Task,
        Tag.FLAVORS,
        "Create a flavor",
        role=Role.SYSTEM,
        status=201,
        body=flavor.FlavorCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/flavors",
        flavors.list_flavors,
        ResourceList[flavor.Flavor],
        Tag.FLAVORS,
        "List flavors",
        query=flavors.FlavorsQuery,
    ),
    Route(
        "GET",
        "/v1/flavors/{id}",
        flavors.show_flavor,
        flavor.Flavor,
        Tag.FLAVORS,
        "Show a flavor",
    ),
    Route(
        "DELETE",
        "/v1/flavors/{id}",
        flavors.delete_flavor,
        Task,
        Tag.FLAVORS,
        "Delete a flavor, now or when its last user goes",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/flavors/{id}/tasks",
        flavors.list_flavor_tasks,
        ResourceList[Task],
        Tag.FLAVORS,
        "List a flavor's tasks",
        query=StateQuery,
    ),
)
