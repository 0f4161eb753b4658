"""VMs of a plan: how one is asked for, made, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from photon.domain.affinity import AffinityKind
from photon.domain.demand import Affinity
from photon.plan.client import Refused
from photon.plan.provisioning import disk_flavor
from photon.plan.stage import Stage
from photon.plan.workload import Wants
from photon.wire.v1.affinity import LocalitySpec
from photon.wire.v1.basics import ApiError
from photon.wire.v1.capacity import CapacitySpec
from photon.wire.v1.placement import PlacementRule, VmPlacementSpec
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec

# What says that there is no room, or none that is as it must be; all else is a failure.
NO_ROOM: Final = frozenset(
    {
        "NoSuchResource",
        "NotEnoughCpuResource",
        "NotEnoughMemoryResource",
        "NotEnoughDatastoreCapacity",
        "UnfullfillableAffinities",
        "UnfullfillableDiskAffinities",
    }
)


@dataclass(frozen=True, slots=True)
class Made:
    """`error` None: the VM is there. `unstarted` is why it does not run, if it should."""

    vm_id: str
    error: ApiError | None = None
    unstarted: str = ""

    @property
    def no_room(self) -> bool:
        return self.error is not None and self.error.code in NO_ROOM


async def make_vm(stage: Stage, spec: VmCreateSpec, *, start: bool = False) -> Made:
    """Asks for it, and waits for the end of its task; then the same of its start."""
    path = f"/v1/projects/{stage.ground.project_id}/vms"
    try:
        ended = await stage.client.do(path, spec)
    except Refused as refused:
        return Made("", refused.error)
    if ended.error is not None or not start:
        return Made(ended.entity_id, ended.error)
    try:
        started = await stage.client.do(f"/v1/vms/{ended.entity_id}/start")
    except Refused as refused:
        return Made(ended.entity_id, None, refused.error.message)
    return Made(ended.entity_id, None, started.error.message if started.error else "")


async def delete_vm(stage: Stage, vm_id: str, *, stop: bool = False) -> ApiError | None:
    """What went wrong, if anything did. `stop`: it may run, on a host that is there; then it is
    stopped before."""
    if stop:
        with suppress(Refused):  # Then it does not run, or its host is gone: the delete will tell.
            await stage.client.do(f"/v1/vms/{vm_id}/stop")
    try:
        return (await stage.client.delete(f"/v1/vms/{vm_id}")).error
    except Refused as refused:
        return refused.error


def spec_of(stage: Stage, name: str, wants: Wants, group: str = "") -> VmCreateSpec:
    """As a user would ask for it. `group` is the set whose member it is."""
    return VmCreateSpec(
        name=name,
        flavor=wants.flavor,
        source_image_id=stage.ground.image_id,
        attached_disks=_disks(stage, wants.flavor),
        affinities=_affinities(stage, wants),
        subnets=_subnets(stage, wants),
        placement=VmPlacementSpec(
            strategy=wants.policy,
            groups=[group] if group else None,
            rules=rules_of(wants) or None,
        ),
    )


def capacity_spec_of(stage: Stage, wants: Wants) -> CapacitySpec:
    """The boot disk says its size here as well, as an image says it later."""
    return CapacitySpec(
        flavor=wants.flavor,
        source_image_id=stage.ground.image_id,
        attached_disks=_disks(stage, wants.flavor),
        affinities=_affinities(stage, wants),
        subnets=_subnets(stage, wants),
    )


def _disks(stage: Stage, flavor_name: str) -> list[AttachedDiskCreateSpec]:
    flavor = stage.workload.flavor(flavor_name)
    name = disk_flavor(flavor)
    boot = AttachedDiskCreateSpec("boot", name, kind="ephemeral", boot_disk=True)
    return [
        boot,
        *(
            AttachedDiskCreateSpec(f"disk-{place + 1}", name, kind="ephemeral", capacity_gb=gib)
            for place, gib in enumerate(flavor.disks_gib)
        ),
    ]


def _affinities(stage: Stage, wants: Wants) -> list[LocalitySpec] | None:
    if not wants.zone:
        return None
    return [LocalitySpec(stage.ground.zone_ids[wants.zone], AffinityKind.AVAILABILITY_ZONE)]


def _subnets(stage: Stage, wants: Wants) -> list[str] | None:
    return [stage.ground.subnet_ids[network] for network in wants.networks] or None


def rules_of(wants: Wants) -> list[PlacementRule]:
    """How it is to lie to other sets, and to its own."""
    apart = [
        PlacementRule(
            Affinity.APART,
            group=rule.set_name,
            hard=not rule.soft,
            host_max=rule.host_max,
            zone_max=rule.zone_max,
        )
        for rule in wants.apart
    ]
    return [*apart, *(PlacementRule(Affinity.TOGETHER, group=name) for name in wants.near)]


def numbered(name: str) -> Callable[[], str]:
    """web-1, web-2 and so on."""
    count = 0

    def following() -> str:
        nonlocal count
        count += 1
        return f"{name}-{count}"

    return following
