"""What `bin/devbox --ha --exit` proves: a primary dies, and no acknowledged VM is lost."""

from __future__ import annotations

import time
from typing import Final

from photon.devbox.cloud import DevboxFailed
from photon.devbox.first_vm import banner_of, first_vm
from photon.devbox.ha.cloud import HaCloud
from photon.devbox.seed import BOOT_FLAVOR, VM_FLAVOR, Seeded
from photon.sdk.client import Client
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec

BEFORE: Final = 5  # VMs that are acknowledged before the primary dies
CREATE_SECONDS_MAX: Final = 120.0  # A failover takes half a minute at most.


def prove(cloud: HaCloud, seeded: Seeded) -> None:
    """A guest speaks; the primary is killed; all VMs are there, and a new one can be made.

    Raises:
        DevboxFailed: something was lost, or did not come back.
        GuestSilent, SdkError: as they say.
    """
    with cloud.client() as client:
        if cloud.shape.qemu:
            vm = first_vm(client, seeded, cloud.say)
            cloud.say(f'the guest says: "{banner_of(client, vm)}"')
        made = {_create(client, seeded, f"before-{number}") for number in range(BEFORE)}
        killed = cloud.primary()
        assert killed is not None, "the cloud is up"
        cloud.kill(killed)
        cloud.say(f"{killed}, the primary, is killed")
        began = time.monotonic()
        made.add(_create(client, seeded, "after"))
        cloud.say(f"a VM was made {time.monotonic() - began:.1f} s later; {cloud.primary()} leads")
        there = {vm.id for vm in client.vms.list(seeded.project_id)}
        if missing := made - there:
            raise DevboxFailed(f"{len(missing)} acknowledged VMs are gone: {sorted(missing)}")
        cloud.start(killed)
        cloud.wait_standbys()
        cloud.say(f"{killed} is back, as a standby; all {len(made)} VMs are there")
        for task in [client.vms.stop(vm.id) for vm in client.vms.list(seeded.project_id)]:
            client.tasks.wait(task.id, CREATE_SECONDS_MAX)
        for task in [client.vms.delete(vm.id) for vm in client.vms.list(seeded.project_id)]:
            client.tasks.wait(task.id, CREATE_SECONDS_MAX)
        cloud.say("the VMs are deleted again")


def _create(client: Client, seeded: Seeded, name: str) -> str:
    boot = AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
    spec = VmCreateSpec(name, VM_FLAVOR, seeded.image_id, [boot])
    task = client.vms.create(seeded.project_id, spec)
    return client.tasks.wait(task.id, CREATE_SECONDS_MAX).entity.id
