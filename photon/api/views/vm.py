"""How VMs and disks are shown (contract, 2.8)."""

from __future__ import annotations

from collections.abc import Container, Iterable

import msgspec

from photon.domain.disk import PersistentDisk, VmDisk
from photon.domain.missing_host import AgentState
from photon.domain.placement_asked import PlacementAsked
from photon.domain.quota import Amount
from photon.domain.vm import Vm
from photon.wire.v1 import disk as wire_disk
from photon.wire.v1 import vm as wire_vm
from photon.wire.v1.basics import QuotaLineItem
from photon.wire.v1.placement import PlacementRule, VmPlacementSpec


def cost_view(cost: Iterable[Amount]) -> list[QuotaLineItem]:
    return [QuotaLineItem(amount.key, amount.value, amount.unit) for amount in cost]


def vm_view(vm: Vm, base: str, missing: Container[str | None]) -> wire_vm.Vm:
    """`missing`: ids of hosts."""
    host_state = None
    if vm.host_id is not None:
        host_state = AgentState.MISSING if vm.host_id in missing else AgentState.ACTIVE
    return wire_vm.Vm(
        id=vm.id,
        self_link=f"{base}/v1/vms/{vm.id}",
        kind="vm",
        name=vm.name,
        state=vm.state,
        flavor=vm.flavor,
        cost=cost_view(vm.cost),
        tags=list(vm.tags),
        attached_disks=[_attached(disk) for disk in vm.disks],
        source_image_id=vm.image_id,
        host=vm.host_address,
        datastore=vm.datastore_id,
        attached_isos=[],
        metadata=vm.metadata,
        floating_ip=None,
        project_id=vm.project_id,
        host_state=host_state,
        placement=None if vm.asked is None else _asked_view(vm.asked),
        state_reason=vm.state_reason,
    )


def _asked_view(asked: PlacementAsked) -> VmPlacementSpec:
    return VmPlacementSpec(
        asked.strategy,
        list(asked.groups),
        [PlacementRule(**msgspec.structs.asdict(rule)) for rule in asked.rules],
    )


def _attached(disk: VmDisk) -> wire_vm.AttachedDisk:
    return wire_vm.AttachedDisk(
        id=disk.id,
        name=disk.name,
        kind=disk.kind,
        flavor=disk.flavor,
        state=disk.state,
        capacity_gb=disk.capacity_gib,
        boot_disk=disk.boot,
    )


def disk_view(disk: PersistentDisk, base: str) -> wire_disk.PersistentDisk:
    return wire_disk.PersistentDisk(
        id=disk.id,
        self_link=f"{base}/v1/disks/{disk.id}",
        kind="persistent-disk",
        name=disk.name,
        state=disk.state,
        flavor=disk.flavor,
        cost=cost_view(disk.cost),
        tags=list(disk.tags),
        datastore=disk.datastore_id,
        capacity_gb=disk.capacity_gib,
        vms=[] if disk.vm_id is None else [disk.vm_id],
    )


def ephemeral_disk_view(disk: VmDisk, vm: Vm, base: str) -> wire_disk.EphemeralDisk:
    return wire_disk.EphemeralDisk(
        id=disk.id,
        self_link=f"{base}/v1/disks/{disk.id}",
        kind="ephemeral-disk",
        name=disk.name,
        state=disk.state,
        flavor=disk.flavor,
        cost=cost_view(disk.cost),
        tags=[],
        datastore=vm.datastore_id,
        capacity_gb=disk.capacity_gib,
    )
