"""Things that other rooms make, put into the store as they would be there."""

from __future__ import annotations

from typing import Any

from photon.domain.disk import DiskState, PersistentDisk
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.image import Image, ReplicationType
from photon.domain.quota import Amount, QuotaUnit
from photon.domain.task import StepRecord, Task
from photon.domain.vm import Nic, Vm
from photon.store.nouns import DISKS, HOSTS, IMAGES, NICS, TASKS, VMS
from photon.store.protocol import Delete, Insert
from photon.store.reaping import reap_flavor, reap_subnet
from tests.api.rig import Api

VM_COST = (
    {"key": "vm.cpu", "value": 1.0, "unit": "COUNT"},
    {"key": "vm.memory", "value": 2.0, "unit": "GB"},
)
VM_FLAVOR = {"name": "small", "kind": "vm", "cost": list(VM_COST)}


def limits(**values: float) -> dict[str, Any]:
    """A quota in COUNT: `limits(vm=3)`."""
    return {
        "quotaItems": {
            key.replace("_", "."): {"limit": value, "unit": "COUNT"}
            for key, value in values.items()
        }
    }


async def a_vm(api: Api, project_id: str = "p", flavor_id: str = "f", subnet_id: str = "") -> Vm:
    """As a finished CREATE_VM leaves it, with one network card if there is a subnet."""
    vm = Vm(
        id=api.ids.new(),
        project_id=project_id,
        name="vm",
        flavor_id=flavor_id,
        flavor="small",
        image_id="image",
        cost=(Amount("vm.cpu", 1.0, QuotaUnit.COUNT),),
        cpus=1,
        memory_mib=2048,
    )
    writes: list[Insert[Any]] = [Insert(VMS, vm)]
    if subnet_id:
        writes.append(Insert(NICS, Nic(f"{vm.id}/0", vm.id, subnet_id, "net", "02:00:00:00:00:01")))
    await api.store.commit(writes)
    return vm


async def vm_gone(api: Api, vm: Vm, subnet_id: str = "") -> None:
    """As a finished DELETE_VM leaves it."""
    writes: list[Any] = [Delete(VMS, vm.id), reap_flavor(vm.flavor_id)]
    if subnet_id:
        writes = [Delete(NICS, f"{vm.id}/0"), *writes, reap_subnet(subnet_id)]
    await api.store.commit(writes)


async def a_disk(api: Api, project_id: str, flavor_id: str = "f") -> PersistentDisk:
    disk = PersistentDisk(
        id=api.ids.new(),
        project_id=project_id,
        name="disk",
        flavor_id=flavor_id,
        flavor="fast",
        capacity_gib=1,
        cost=(),
        state=DiskState.DETACHED,
    )
    await api.store.commit([Insert(DISKS, disk)])
    return disk


async def an_image(api: Api, project_id: str) -> Image:
    image = Image(api.ids.new(), "image", ReplicationType.EAGER, project_id=project_id)
    await api.store.commit([Insert(IMAGES, image)])
    return image


async def a_host(api: Api, *networks: str) -> Host:
    id = api.ids.new()
    host = Host(
        id=id,
        address=f"host-{id}",
        username="u",
        password="p",
        usage_tags=(UsageTag.CLOUD,),
        state=HostState.READY,
        networks=networks,
    )
    await api.store.commit([Insert(HOSTS, host)])
    return host


async def an_open_task(api: Api, entity_id: str = "vm1", project_id: str = "p") -> Task:
    task = Task(
        id=api.ids.new(),
        operation="START_VM",
        entity_kind="vm",
        entity_id=entity_id,
        project_id=project_id,
        queued_ms=api.clock.now_ms(),
        steps=(StepRecord("START_VM"),),
    )
    await api.store.commit([Insert(TASKS, task)])
    found = await api.store.find(TASKS, task.id)
    assert found is not None
    return found


async def a_tenant(api: Api, name: str = "acme", **limit: float) -> str:
    return await api.made("/v1/tenants", {"name": name, "quota": limits(**limit)})


async def a_project(api: Api, tenant_id: str, name: str = "dev", **limit: float) -> str:
    body = {"name": name, "quota": limits(**limit)}
    return await api.made(f"/v1/tenants/{tenant_id}/projects", body)
