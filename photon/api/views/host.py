"""How hosts and datastores are shown (contract, 2.4)."""

from __future__ import annotations

from photon.domain.datastore import Datastore
from photon.domain.host import Host
from photon.domain.kinds import EntityKind
from photon.domain.missing_host import AgentState, MissingHost
from photon.wire.v1 import host as wire


def host_view(host: Host, base: str, missing: MissingHost | None = None) -> wire.Host:
    """With its password: only the system's administrators see hosts (contract, 2.4)."""
    heard = AgentState.ACTIVE if missing is None else AgentState.MISSING
    return wire.Host(
        id=host.id,
        self_link=f"{base}/v1/infrastructure/hosts/{host.id}",
        kind=EntityKind.HOST,
        address=host.address,
        username=host.username,
        password=host.password,
        usage_tags=list(host.usage_tags),
        availability_zone=host.zone_id,
        metadata=host.metadata,
        esx_version=host.hypervisor,
        state=host.state,
        agent_state=heard if host.provisioned else None,
        missing_since_time=None if missing is None else missing.since_ms,
        missing_reason=None if missing is None else missing.why,
    )


def datastore_view(datastore: Datastore, base: str) -> wire.Datastore:
    return wire.Datastore(
        id=datastore.id,
        self_link=f"{base}/v1/infrastructure/datastores/{datastore.id}",
        kind=EntityKind.DATASTORE,
        name=datastore.name,
        type=datastore.type,
        tags=list(datastore.tags),
    )
