"""The system as a whole (contract, 2.3)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from photon.domain.kinds import EntityKind
from photon.domain.system import SystemState


class NetworkType(StrEnum):
    PHYSICAL = "PHYSICAL"
    SOFTWARE_DEFINED = "SOFTWARE_DEFINED"
    NOT_AVAILABLE = "NOT_AVAILABLE"


class StatusType(StrEnum):
    READY = "READY"
    INITIALIZING = "INITIALIZING"
    PARTIAL_ERROR = "PARTIAL_ERROR"
    UNREACHABLE = "UNREACHABLE"
    ERROR = "ERROR"


class Available(msgspec.Struct):
    pass


class Info(msgspec.Struct, rename="camel"):
    base_version: str
    full_version: str
    git_commit_hash: str
    network_type: NetworkType


class Auth(msgspec.Struct):
    enabled: bool = False
    endpoint: str | None = None
    port: int | None = None
    domain: str | None = None


class AuthInfo(msgspec.Struct, rename="camel"):
    enabled: bool = False
    endpoint: str | None = None
    port: int | None = None
    domain: str | None = None
    tenant: str | None = None
    username: str | None = None
    password: str | None = None
    security_groups: list[str] | None = None
    ui_login_endpoint: str | None = None
    ui_logout_endpoint: str | None = None


class StatsInfo(msgspec.Struct, rename="camel"):
    enabled: bool = False
    store_endpoint: str | None = None
    store_port: int | None = None
    store_type: str | None = None


class NetworkConfiguration(msgspec.Struct, rename="camel"):
    sdn_enabled: bool = False
    network_manager_address: str | None = None
    network_manager_username: str | None = None
    network_manager_password: str | None = None
    network_zone_id: str | None = None
    network_top_router_id: str | None = None
    network_edge_ip_pool_id: str | None = None
    network_host_uplink_pnic: str | None = None
    edge_cluster_id: str | None = None
    ip_range: str | None = None
    floating_ip_range: str | None = None
    dhcp_servers: list[str] | None = None
    nsx_cni_enabled: bool = False


class SystemInfo(msgspec.Struct, rename="camel"):
    base_version: str
    full_version: str
    git_commit_hash: str
    network_type: NetworkType
    state: SystemState
    syslog_endpoint: str | None
    ntp_endpoint: str | None
    stats: StatsInfo
    image_datastores: list[str]
    use_image_datastore_for_vms: bool
    auth: AuthInfo
    network_configuration: NetworkConfiguration
    load_balancer_enabled: bool
    load_balancer_address: str | None
    service_configurations: list[dict[str, str]]


class ComponentInstance(msgspec.Struct, rename="camel"):
    address: str
    status: StatusType
    message: str | None = None
    stats: dict[str, str] = msgspec.field(default_factory=dict)
    build_info: str | None = None


class ComponentStatus(msgspec.Struct, rename="camel"):
    component: str
    status: StatusType
    instances: list[ComponentInstance]
    message: str | None = None
    stats: dict[str, str] = msgspec.field(default_factory=dict)
    build_info: str | None = None


class SystemStatus(msgspec.Struct):
    status: StatusType
    components: list[ComponentStatus]


class Orphan(msgspec.Struct, rename="camel"):
    """`id` is the guest's or the disk's. Times are milliseconds since the epoch."""

    id: str
    kind: EntityKind
    host_id: str
    host_address: str
    reason: str
    seen_time: int
    removal_time: int


class AuditFinding(msgspec.Struct):
    """An invariant that does not hold, of what, and what to do about it."""

    invariant: str
    id: str
    problem: str
    advice: str


class Audit(msgspec.Struct, rename="camel"):
    """What an audit's task answers. `unlisted` findings are beyond those that are listed. Of
    `hosts` the silent ones were not judged, nor were quotas that changed whenever they were read.
    """

    findings: list[AuditFinding]
    unlisted: int
    hosts: int
    hosts_silent: int
    quotas_unsettled: int


class SystemUsage(msgspec.Struct):
    number_hosts: int = msgspec.field(name="numberHosts")
    number_vms: int = msgspec.field(name="numberVMs")
    number_tenants: int = msgspec.field(name="numberTenants")
    number_projects: int = msgspec.field(name="numberProjects")
    number_datastores: int = msgspec.field(name="numberDatastores")
    number_services: int = msgspec.field(name="numberServices")


class SystemProperties(msgspec.Struct):
    """Both spellings: the documented one, and the one that was always sent."""

    quorum: int
    Quorum: int


class SystemUpdateSpec(msgspec.Struct):
    size: Annotated[int, msgspec.Meta(ge=1, le=1000)]
