"""A host: a machine with an agent, and the states an operator moves it through (contract, 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT


class HostState(StrEnum):
    CREATING = "CREATING"
    NOT_PROVISIONED = "NOT_PROVISIONED"
    READY = "READY"
    MAINTENANCE = "MAINTENANCE"
    SUSPENDED = "SUSPENDED"
    ERROR = "ERROR"


class UsageTag(StrEnum):
    MGMT = "MGMT"
    CLOUD = "CLOUD"


class HostOperation(StrEnum):
    PROVISION = "PROVISION_HOST"
    SUSPEND = "SUSPEND_HOST"
    RESUME = "RESUME_HOST"
    ENTER_MAINTENANCE = "ENTER_MAINTENANCE_MODE"
    EXIT_MAINTENANCE = "EXIT_MAINTENANCE_MODE"
    DELETE = "DELETE_HOST"


HOST_OPERATION_FROM: Final[Mapping[HostOperation, frozenset[HostState]]] = {
    HostOperation.PROVISION: frozenset({HostState.NOT_PROVISIONED}),
    HostOperation.SUSPEND: frozenset({HostState.READY, HostState.SUSPENDED}),
    HostOperation.RESUME: frozenset({HostState.SUSPENDED}),
    HostOperation.ENTER_MAINTENANCE: frozenset({HostState.SUSPENDED, HostState.MAINTENANCE}),
    HostOperation.EXIT_MAINTENANCE: frozenset({HostState.MAINTENANCE}),
    HostOperation.DELETE: frozenset(
        {HostState.NOT_PROVISIONED, HostState.MAINTENANCE, HostState.ERROR}
    ),
}

AGENT_PORT: Final = 8835
# Host metadata: the agent's host:port, when one agent serves many hosts or listens elsewhere.
AGENT_ENDPOINT_KEY: Final = "AGENT_ENDPOINT"
# Host metadata: the names of the datastores that may be used, with commas between; none: all.
ALLOWED_DATASTORES_KEY: Final = "ALLOWED_DATASTORES"


class Host(msgspec.Struct, frozen=True):
    id: str
    address: str
    username: str
    password: str
    usage_tags: tuple[UsageTag, ...]
    state: HostState = HostState.CREATING
    zone_id: str | None = None
    metadata: dict[str, str] = msgspec.field(default_factory=dict)
    hypervisor: str | None = None  # `esxVersion` on the wire
    cpus: int = 0
    memory_mib: int = 0
    cpu_overcommit: float = CPU_OVERCOMMIT  # as its agent says that it admits
    memory_overcommit: float = MEMORY_OVERCOMMIT
    networks: tuple[str, ...] = ()
    datastore_ids: tuple[str, ...] = ()
    provisioned: bool = False  # the agent was told that it is ours
    task_id: str | None = None
    generation: int = 0

    @property
    def agent_endpoint(self) -> str:
        """host:port of the agent."""
        named = self.metadata.get(AGENT_ENDPOINT_KEY)
        if named:
            return named
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{address}:{AGENT_PORT}"

    @property
    def allowed_datastores(self) -> tuple[str, ...]:
        """Names of the datastores that may be used; none: all."""
        named = self.metadata.get(ALLOWED_DATASTORES_KEY, "").split(",")
        return tuple([name.strip() for name in named if name.strip()])
