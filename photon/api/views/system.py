"""How the system as a whole is shown (contract, 2.3 and 3.9)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from photon.api.plane import Instance, Release
from photon.domain.orphan import ORPHAN_GRACE_SECONDS, Orphan
from photon.domain.system import System
from photon.wire.v1 import system as wire
from photon.wire.v1.system import ComponentInstance, ComponentStatus, StatusType

COMPONENT: Final = "PHOTON_CONTROLLER"
# Of thousands of hosts, some are always missing: the system is well all the same.
_COMES_AND_GOES: Final = frozenset({"AGENT"})
# The more severe, the later.
SEVERITY: Final = (
    StatusType.READY,
    StatusType.INITIALIZING,
    StatusType.PARTIAL_ERROR,
    StatusType.UNREACHABLE,
    StatusType.ERROR,
)
_FAILED: Final = frozenset({StatusType.ERROR, StatusType.UNREACHABLE})
_SERVING: Final = frozenset({StatusType.READY, StatusType.INITIALIZING})


def system_info_view(system: System, release: Release) -> wire.SystemInfo:
    return wire.SystemInfo(
        base_version=release.base_version,
        full_version=release.full_version,
        git_commit_hash=release.git_commit_hash,
        network_type=wire.NetworkType.PHYSICAL,
        state=system.state,
        syslog_endpoint=None,
        ntp_endpoint=None,
        stats=wire.StatsInfo(),
        image_datastores=list(system.image_datastores),
        use_image_datastore_for_vms=True,
        auth=wire.AuthInfo(),
        network_configuration=wire.NetworkConfiguration(),
        load_balancer_enabled=False,
        load_balancer_address=None,
        service_configurations=[],
    )


def system_status_view(instances: Sequence[Instance]) -> wire.SystemStatus:
    """Controllers come first, and are shown when there is none too."""
    found: dict[str, list[ComponentInstance]] = {COMPONENT: []}
    for instance in instances:
        found.setdefault(instance.component, []).append(_instance_view(instance))
    components = [component_status(seen, component) for component, seen in found.items()]
    counted = [each.status for each in components if each.component not in _COMES_AND_GOES]
    status = max(counted, key=SEVERITY.index)
    if status is StatusType.UNREACHABLE:
        status = StatusType.ERROR
    return wire.SystemStatus(status, components)


def controllers_alone(whole: wire.SystemStatus) -> wire.SystemStatus:
    shown = [each for each in whole.components if each.component == COMPONENT]
    return wire.SystemStatus(whole.status, shown)


def _instance_view(instance: Instance) -> ComponentInstance:
    return ComponentInstance(
        instance.address,
        StatusType(instance.status),
        instance.message or None,
        dict(instance.stats),
        instance.build or None,
    )


def component_status(
    instances: Sequence[ComponentInstance], component: str = COMPONENT
) -> ComponentStatus:
    """As bad as the worst instance; but a mixture of failed and serving ones is PARTIAL_ERROR."""
    counts = Counter(instance.status for instance in instances)
    builds = {instance.build_info for instance in instances if instance.build_info}
    return ComponentStatus(
        component=component,
        status=_status_of(counts),
        instances=list(instances),
        message=None if instances else "no controller is known to be alive",
        stats={str(status): str(count) for status, count in counts.items()},
        build_info=", ".join(sorted(builds)) or None,
    )


def orphan_view(orphan: Orphan, base: str) -> wire.Orphan:
    return wire.Orphan(
        id=orphan.thing_id,
        kind=orphan.kind,
        host_id=orphan.host_id,
        host_address=orphan.host_address,
        reason=orphan.why,
        seen_time=orphan.since_ms,
        removal_time=orphan.since_ms + int(ORPHAN_GRACE_SECONDS * 1000),
    )


def _status_of(counts: Counter[StatusType]) -> StatusType:
    if not counts:
        return StatusType.UNREACHABLE
    if counts.keys() & _FAILED and counts.keys() & _SERVING:
        return StatusType.PARTIAL_ERROR
    return max(counts, key=SEVERITY.index)
