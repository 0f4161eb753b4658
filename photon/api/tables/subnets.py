"""Routes of subnets."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import subnets
from photon.api.principal import Role
from photon.api.route import Gate, NamedQuery, Route, StateQuery, Tag
from photon.wire.v1 import subnet
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/subnets",
        subnets.create_subnet,
        Task,
        Tag.SUBNETS,
        "Create a subnet of port groups",
        role=Role.SYSTEM,
        status=201,
        body=subnet.SubnetCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/subnets",
        subnets.list_subnets,
        ResourceList[subnet.Subnet],
        Tag.SUBNETS,
        "List subnets",
        query=NamedQuery,
    ),
    Route(
        "GET",
        "/v1/subnets/{id}",
        subnets.show_subnet,
        subnet.Subnet,
        Tag.SUBNETS,
        "Show a subnet",
    ),
    Route(
        "DELETE",
        "/v1/subnets/{id}",
        subnets.delete_subnet,
        Task,
        Tag.SUBNETS,
        "Delete a subnet, now or when its last VM leaves",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "PATCH",
        "/v1/subnets/{id}",
        subnets.rename_subnet,
        Task,
        Tag.SUBNETS,
        "Rename a subnet",
        role=Role.SYSTEM,
        status=201,
        body=subnet.SubnetUpdateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/subnets/{id}/set_default",
        subnets.set_default_subnet,
        Task,
        Tag.SUBNETS,
        "Make a subnet the default",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/subnets/{id}/set_portgroups",
        subnets.set_subnet_port_groups,
        Task,
        Tag.SUBNETS,
        "Replace a subnet's port groups",
        role=Role.SYSTEM,
        status=201,
        body=subnet.PortGroups,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        "/v1/subnets/{id}/tasks",
        subnets.list_subnet_tasks,
        ResourceList[Task],
        Tag.SUBNETS,
        "List a subnet's tasks",
        query=StateQuery,
    ),
)
