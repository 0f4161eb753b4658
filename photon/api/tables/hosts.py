"""Routes of hosts."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import hosts
from photon.api.principal import Role
from photon.api.route import Gate, Handler, Route, StateQuery, Tag, WatchedQuery
from photon.wire.v1 import host
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task
from photon.wire.v1.vm import Vm

_HOSTS: Final = "/v1/infrastructure/hosts"
_HOST: Final = f"{_HOSTS}/{{id}}"


def _verb(verb: str, handler: Handler, summary: str, *, status: int = 200) -> Route:
    """What an operator does to one host, without a body."""
    return Route(
        "POST",
        f"{_HOST}/{verb}",
        handler,
        Task,
        Tag.INFRASTRUCTURE,
        summary,
        role=Role.SYSTEM,
        status=status,
        gate=Gate.CHANGE,
    )


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        _HOSTS,
        hosts.create_host,
        Task,
        Tag.INFRASTRUCTURE,
        "Add a host",
        role=Role.SYSTEM,
        status=201,
        body=host.HostCreateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        _HOSTS,
        hosts.list_hosts,
        ResourceList[host.Host],
        Tag.INFRASTRUCTURE,
        "List hosts",
        role=Role.SYSTEM,
        query=WatchedQuery,
    ),
    Route(
        "GET",
        _HOST,
        hosts.show_host,
        host.Host,
        Tag.INFRASTRUCTURE,
        "Show a host",
        role=Role.SYSTEM,
    ),
    Route(
        "DELETE",
        _HOST,
        hosts.delete_host,
        Task,
        Tag.INFRASTRUCTURE,
        "Remove a host that is in maintenance, in error, or not provisioned",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "GET",
        f"{_HOST}/tasks",
        hosts.list_host_tasks,
        ResourceList[Task],
        Tag.INFRASTRUCTURE,
        "List a host's tasks",
        role=Role.SYSTEM,
        query=StateQuery,
    ),
    Route(
        "GET",
        f"{_HOST}/vms",
        hosts.list_host_vms,
        ResourceList[Vm],
        Tag.INFRASTRUCTURE,
        "List the VMs on a host",
        role=Role.SYSTEM,
        query=WatchedQuery,
    ),
    _verb("provision", hosts.provision_host, "Provision a host", status=202),
    _verb("suspend", hosts.suspend_host, "Place nothing new on a host"),
    _verb("resume", hosts.resume_host, "Place VMs on a host again"),
    _verb("enter-maintenance", hosts.enter_host_maintenance, "Put a host into maintenance"),
    _verb("exit-maintenance", hosts.exit_host_maintenance, "Take a host out of maintenance"),
    _verb(
        "enter_maintenance",
        hosts.enter_host_maintenance_as_before,
        "Put a host into maintenance, by an older name",
    ),
    _verb(
        "exit_maintenance",
        hosts.exit_host_maintenance_as_before,
        "Take a host out of maintenance, by an older name",
    ),
    Route(
        "POST",
        f"{_HOST}/set_availability_zone",
        hosts.set_host_zone,
        Task,
        Tag.INFRASTRUCTURE,
        "Put a host into an availability zone, once",
        role=Role.SYSTEM,
        status=201,
        body=host.HostSetAvailabilityZoneOperation,
        gate=Gate.CHANGE,
    ),
)
