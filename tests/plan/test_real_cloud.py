"""What a plan foretells is what a real cloud does: real programs, TCP, SQLite, the same hosts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from photon.agent.drivers.simulated_site import addresses_of
from photon.domain.quota import QuotaUnit
from photon.plan.hosts_file import read_hosts
from photon.plan.options import Options
from photon.plan.progress import Silent
from photon.plan.run import run_plan
from photon.plan.workload_file import read_workload
from photon.sdk.client import Client
from photon.sdk.errors import TaskFailed
from photon.wire.v1.basics import QuotaLineItem
from photon.wire.v1.flavor import FlavorCreateSpec
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec
from tests.kill.program import Program
from tests.kill.seed import BOOT_FLAVOR, Seeded, seed

pytestmark = pytest.mark.slow

HOSTS = 5
MEMORY_MIB = 4096
DATASTORE_GIB = 100
HOSTS_YAML = f"""
hosts:
  - name: h
    count: {HOSTS}
    cpus: 2
    memory: {MEMORY_MIB}MB
    datastores: [{{name: local, size: {DATASTORE_GIB}GB}}]
"""
# By memory 4 a host, by disk 3 (of 31 GB with an image of 1 GB, or of 30 GB with an empty one), by
# CPU 2 (of 32 that are promised).
WORKLOAD_YAML = """
image: 1GB
flavors:
  wide: {cpus: 1, memory: 900MB}
  deep: {cpus: 1, memory: 900MB, disks: [30GB]}
  busy: {cpus: 13, memory: 100MB}
"""
SIZES = {"wide": (1, 900, 0), "deep": (1, 900, 30), "busy": (13, 100, 0)}


def planned(folder: Path) -> dict[str, int]:
    (folder / "hosts.yaml").write_text(HOSTS_YAML)
    (folder / "workload.yaml").write_text(WORKLOAD_YAML)
    hosts = read_hosts(folder / "hosts.yaml")
    workload = read_workload(folder / "workload.yaml", hosts)
    result = run_plan(hosts, workload, Options(jobs=1), Silent())
    assert all(fit.agrees for fit in result.fits)
    return {fit.flavor: fit.made for fit in result.fits}


def filled(client: Client, seeded: Seeded, flavor: str) -> int:
    """How many a person could make, one after the other; all are deleted again."""
    cpus, memory_mib, disk_gib = SIZES[flavor]
    cost = [
        QuotaLineItem("vm.count", 1.0, QuotaUnit.COUNT),
        QuotaLineItem("vm.cpu", float(cpus), QuotaUnit.COUNT),
        QuotaLineItem("vm.memory", float(memory_mib), QuotaUnit.MB),
    ]
    client.tasks.wait(client.flavors.create(FlavorCreateSpec(flavor, "vm", cost)).id)
    disks = [AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral", boot_disk=True)]
    if disk_gib:
        disks.append(AttachedDiskCreateSpec("disk", BOOT_FLAVOR, "ephemeral", disk_gib))
    made: list[str] = []
    while True:
        spec = VmCreateSpec(f"{flavor}-{len(made)}", flavor, seeded.image_id, disks)
        task = client.vms.create(seeded.project_id, spec)
        try:
            made.append(client.tasks.wait(task.id).entity.id)
        except TaskFailed:
            break
    for task in [client.vms.delete(vm_id) for vm_id in made]:
        client.tasks.wait(task.id)
    return len(made)


async def test_as_many_fit_on_a_real_cloud_as_a_plan_says(tmp_path: Path) -> None:
    agent = Program(
        "photon.agent",
        tmp_path / "agent.log",
        *("--driver", "simulated", "--hosts", str(HOSTS), "--listen", "127.0.0.1:0"),
        *("--cpus", "2", "--memory-mib", str(MEMORY_MIB), "--own-datastores"),
        *("--datastore-gib", str(DATASTORE_GIB), "--state-dir", str(tmp_path / "agent")),
    )
    controller = Program(
        "photon.controller",
        tmp_path / "controller.log",
        *("--data-dir", str(tmp_path / "controller"), "--listen", "127.0.0.1:0"),
    )

    def really() -> dict[str, int]:
        with Client(str(controller.ready["listening"])) as client:
            endpoint = str(agent.ready["listen"])
            seeded = seed(client, endpoint, addresses_of(HOSTS), tmp_path)
            return {flavor: filled(client, seeded, flavor) for flavor in SIZES}

    try:
        await asyncio.gather(agent.start(), controller.start())
        found = await asyncio.to_thread(really)
    finally:
        await controller.end()
        await agent.end()
    # In a thread: a simulation has a loop of its own.
    assert found == {"wide": 4 * HOSTS, "deep": 3 * HOSTS, "busy": 2 * HOSTS}
    assert await asyncio.to_thread(planned, tmp_path) == found
