"""Routes of the system as a whole."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import system, topology
from photon.api.principal import Role
from photon.api.route import Gate, PageQuery, Route, Tag
from photon.wire.v1 import system as wire
from photon.wire.v1.basics import ResourceList, StringList
from photon.wire.v1.task import Task
from photon.wire.v1.topology import TopologyNode
from photon.wire.v1.vm import Vm

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/v1/available",
        system.available,
        wire.Available,
        Tag.SYSTEM,
        "Is this controller serving?",
        role=Role.OPEN,
    ),
    Route(
        "GET",
        "/v1/system/available",
        system.system_available,
        wire.Available,
        Tag.SYSTEM,
        "Is this controller serving?",
        role=Role.OPEN,
    ),
    Route(
        "GET",
        "/v1/info",
        system.show_info,
        wire.Info,
        Tag.SYSTEM,
        "Show the release",
    ),
    Route(
        "GET",
        "/v1/system/auth",
        system.show_auth,
        wire.Auth,
        Tag.SYSTEM,
        "Show how to log in",
        role=Role.OPEN,
    ),
    Route(
        "GET",
        "/v1/system/info",
        system.show_system_info,
        wire.SystemInfo,
        Tag.SYSTEM,
        "Show the system",
    ),
    Route(
        "GET",
        "/v1/system/status",
        system.show_status,
        wire.SystemStatus,
        Tag.SYSTEM,
        "Show the health of the controllers",
        role=Role.SYSTEM,
    ),
    Route(
        "GET",
        "/v1/system/usage",
        system.show_usage,
        wire.SystemUsage,
        Tag.SYSTEM,
        "Count what exists",
        role=Role.SYSTEM,
    ),
    Route(
        "GET",
        "/v1/system/topology",
        topology.show_topology,
        ResourceList[TopologyNode],
        Tag.SYSTEM,
        "Show the scheduler tree with its loads",
        role=Role.SYSTEM,
        query=PageQuery,
    ),
    Route(
        "GET",
        "/v1/system/vms",
        system.list_system_vms,
        ResourceList[Vm],
        Tag.SYSTEM,
        "List the management VMs",
        role=Role.SYSTEM,
        query=PageQuery,
    ),
    Route(
        "GET",
        "/v1/system/properties",
        system.show_properties,
        wire.SystemProperties,
        Tag.SYSTEM,
        "Show the system's properties",
    ),
    Route(
        "POST",
        "/v1/system/properties/update",
        system.update_properties,
        wire.SystemProperties,
        Tag.SYSTEM,
        "Change the system's properties",
        role=Role.SYSTEM,
        body=wire.SystemUpdateSpec,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/system/pause",
        system.pause_system,
        Task,
        Tag.SYSTEM,
        "Stop all that writes",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.CHANGE,
    ),
    Route(
        "POST",
        "/v1/system/pause-background-tasks",
        system.pause_background_tasks,
        Task,
        Tag.SYSTEM,
        "Let the duties rest",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.RESUME,
    ),
    Route(
        "POST",
        "/v1/system/resume",
        system.resume_system,
        Task,
        Tag.SYSTEM,
        "Resume everything",
        role=Role.SYSTEM,
        status=201,
        gate=Gate.RESUME,
    ),
    Route(
        "POST",
        "/v1/system/set-security-groups",
        system.set_system_security_groups,
        Task,
        Tag.SYSTEM,
        "Replace the system's security groups",
        role=Role.SYSTEM,
        body=StringList,
        gate=Gate.CHANGE,
    ),
)
