"""From nothing to a running VM: tenant, project, flavors, image, VM; then all of it away again.

    python examples/first_vm.py http://127.0.0.1:9000 image.qcow2

Needs a system with at least one provisioned host and a default subnet. Prints where the VM landed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from photon.domain.quota import QuotaUnit
from photon.sdk.client import AsyncClient
from photon.sdk.nouns.catalogue import ImageUpload
from photon.wire.v1.basics import QuotaLineItem
from photon.wire.v1.flavor import FlavorCreateSpec
from photon.wire.v1.task import Task
from photon.wire.v1.tenancy import ProjectCreateSpec, TenantCreateSpec
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec

VM_COST = [
    QuotaLineItem("vm.cpu", 1, QuotaUnit.COUNT),
    QuotaLineItem("vm.memory", 256, QuotaUnit.MB),
]
DISK_COST = [QuotaLineItem("ephemeral-disk", 1, QuotaUnit.COUNT)]


async def main(target: str, image_file: Path) -> None:
    async with AsyncClient(target) as client:

        async def done(task: Task) -> str:
            """The id of what `task` made, once it is made."""
            return (await client.tasks.wait(task.id)).entity.id

        tenant = await done(await client.tenants.create(TenantCreateSpec("first-tenant")))
        project = await done(
            await client.projects.create(tenant, ProjectCreateSpec("first-project"))
        )
        vm_flavor = await done(
            await client.flavors.create(FlavorCreateSpec("first-vm", "vm", VM_COST))
        )
        disk_flavor = await done(
            await client.flavors.create(FlavorCreateSpec("first-disk", "ephemeral-disk", DISK_COST))
        )
        with image_file.open("rb") as file:
            upload = ImageUpload("first-image", file, progress=print_progress)
            image = await done(await client.images.upload(upload))
        boot = AttachedDiskCreateSpec("boot", "first-disk", "ephemeral-disk", boot_disk=True)
        spec = VmCreateSpec("first-vm", "first-vm", image, [boot])
        vm = await done(await client.vms.create(project, spec))
        await done(await client.vms.start(vm))
        landed = await client.vms.get(vm)
        print(f"{landed.name} is {landed.state} on host {landed.host}")

        await done(await client.vms.stop(vm))
        await done(await client.vms.delete(vm))
        await done(await client.images.delete(image))
        for flavor in (vm_flavor, disk_flavor):
            await done(await client.flavors.delete(flavor))
        await done(await client.projects.delete(project))
        await done(await client.tenants.delete(tenant))


def print_progress(sent_bytes: int, size_bytes: int) -> None:
    print(f"{sent_bytes:>15,} of {size_bytes:,} bytes", end="\r", file=sys.stderr)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
