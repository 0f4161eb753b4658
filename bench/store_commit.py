"""What the CloudStore costs: CPU a write-set, commits a second, point reads, pages.

    python -m bench.store_commit [--rows 10000 --rows 1000000] [--directory .bench] [--postgres]

CPU is that of the event loop's thread, and in brackets of the whole process, in microseconds: each
the best of ROUNDS, for other programs only ever make it slower.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import uvloop

from photon.devbox.postgres import PrivatePostgres
from photon.domain.disk import DiskState, VmDisk
from photon.domain.flavor import Flavor, FlavorKind
from photon.domain.image import Image, ReplicationType
from photon.domain.project import Project
from photon.domain.quota import Amount, QuotaUnit
from photon.domain.readiness import Readiness
from photon.domain.task import StepRecord, Task
from photon.domain.vm import Vm
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.store.nouns import FLAVORS, IMAGES, NOUNS, PROJECTS, TASKS, VMS
from photon.store.opening import open_store
from photon.store.protocol import Charge, CloudStore, Insert, Require, SetLimits, Write

PROJECTS_MADE = 100
ROWS_A_SET = 200  # while the tables are filled
IN_FLIGHT = 256  # write-sets that wait together: a busy controller
ROUNDS = 8
SETS = 1_024  # a round, as all below
READS = 2_000
PAGES = 20
COST = tuple(Amount(f"vm.key{n}", 1.5 + n, QuotaUnit.GB) for n in range(10))


@dataclass
class Cloud:
    store: CloudStore
    ids: TimeOrderedIds
    projects: list[str]
    vms: list[str]


def a_vm(cloud: Cloud, project_id: str) -> Vm:
    """About 1 KiB of JSON, as a VM of the API has."""
    id = cloud.ids.new()
    disk_cost = (Amount("ephemeral-disk", 1.0, QuotaUnit.COUNT),)
    disk = VmDisk(
        cloud.ids.new(), "boot", FlavorKind.EPHEMERAL_DISK, "small", "f", 20,
        boot=True, state=DiskState.CREATING, cost=disk_cost,
    )  # fmt: skip
    return Vm(
        id, project_id, f"vm-{id}", "f", "small", "i", COST[:6], 2, 4096,
        disks=(disk,), tags=("web", "blue"), metadata={"owner": "somebody", "ticket": "4711"},
    )  # fmt: skip


def a_task(cloud: Cloud, vm: Vm) -> Task:
    steps = (StepRecord("RESERVE_RESOURCE"), StepRecord("CREATE_VM"))
    return Task(cloud.ids.new(), "CREATE_VM", "vm", vm.id, 1, steps, owner="c", saga="CREATE_VM")


def create_vm(cloud: Cloud, project_id: str) -> list[Write]:
    vm = a_vm(cloud, project_id)
    return [
        Require(PROJECTS, project_id),
        Require(FLAVORS, "f", {"state": Readiness.READY}),
        Require(IMAGES, "i", {"state": Readiness.READY}),
        Charge(project_id, COST),
        Insert(VMS, vm),
        Insert(TASKS, a_task(cloud, vm)),
    ]


async def fill(cloud: Cloud, rows: int) -> None:
    await cloud.store.commit(
        [
            Insert(FLAVORS, Flavor("f", "small", FlavorKind.VM, COST)),
            Insert(IMAGES, Image("i", "image", ReplicationType.EAGER, Readiness.READY)),
        ]
    )
    limits = tuple(Amount(amount.key, 1e9, QuotaUnit.GB) for amount in COST)
    for n in range(PROJECTS_MADE):
        project = Project(cloud.ids.new(), "t", f"p{n}")
        cloud.projects.append(project.id)
        await cloud.store.commit([Insert(PROJECTS, project), SetLimits(project.id, limits)])
    chance = random.Random(2)
    for _ in range(0, rows, ROWS_A_SET):
        vms = [a_vm(cloud, chance.choice(cloud.projects)) for _ in range(ROWS_A_SET)]
        cloud.vms += [vm.id for vm in vms]
        await cloud.store.commit([Insert(VMS, vm) for vm in vms])


async def best(times: int, work: Callable[[], Awaitable[None]]) -> tuple[float, ...]:
    rounds = [await timed(times, work) for _ in range(ROUNDS)]
    return tuple(min(column) for column in zip(*rounds, strict=True))


async def timed(times: int, work: Callable[[], Awaitable[None]]) -> tuple[float, float, float]:
    """Microseconds a time: of the loop's CPU, of the process's CPU, of the wall's clock."""
    thread, process, wall = time.thread_time(), time.process_time(), time.perf_counter()
    await work()
    return (
        (time.thread_time() - thread) / times * 1e6,
        (time.process_time() - process) / times * 1e6,
        (time.perf_counter() - wall) / times * 1e6,
    )


async def measure(cloud: Cloud) -> None:
    chance = random.Random(1)
    store = cloud.store

    async def alone() -> None:
        for _ in range(SETS // 10):
            await store.commit(create_vm(cloud, chance.choice(cloud.projects)))

    async def writer() -> None:
        for _ in range(SETS // IN_FLIGHT):
            await store.commit(create_vm(cloud, chance.choice(cloud.projects)))

    async def grouped() -> None:
        await asyncio.gather(*[writer() for _ in range(IN_FLIGHT)])

    async def making_only() -> None:
        for _ in range(SETS):
            create_vm(cloud, chance.choice(cloud.projects))

    async def points() -> None:
        for _ in range(READS):
            await store.find(VMS, chance.choice(cloud.vms))

    async def hot_points() -> None:
        for n in range(READS):
            await store.find(VMS, cloud.vms[-1 - n % 100])

    async def points_together() -> None:
        for _ in range(0, READS, IN_FLIGHT):
            ids = chance.choices(cloud.vms, k=IN_FLIGHT)
            await asyncio.gather(*[store.find(VMS, id) for id in ids])

    async def pages() -> None:
        for _ in range(PAGES):
            where = {"project_id": chance.choice(cloud.projects)}
            await store.page(VMS, where, limit=100, after=chance.choice(cloud.vms))

    made = SETS // IN_FLIGHT * IN_FLIGHT
    for name, times, work in (
        ("(making the write-set itself)", SETS, making_only),
        ("VM create, one at a time", SETS // 10, alone),
        (f"VM create, {IN_FLIGHT} in flight", made, grouped),
        ("point read, anywhere", READS, points),
        ("point read, of 100 recent", READS, hot_points),
        (f"point reads, {IN_FLIGHT} in flight", READS, points_together),
        ("page of 100 in a project", PAGES, pages),
    ):
        loop, process, wall = await best(times, work)
        print(f"{name:32} {loop:9.1f} ({process:7.1f}) {1e6 / wall:12,.0f}/s", flush=True)


async def run(where: str, rows: int) -> None:
    clock = RealClock()
    store = await open_store(where, NOUNS, clock)
    cloud = Cloud(store, TimeOrderedIds(clock), [], [])
    loop, process, _ = await timed(rows, lambda: fill(cloud, rows))
    print(f"\n{f'{rows:,} VMs':32} loop's CPU µs (process)         rate")
    print(f"{'filling, a row':32} {loop:9.1f} ({process:7.1f})")
    await measure(cloud)
    await store.close()


def on_a_private_server(rows: int) -> None:
    """The server's own CPU is not counted."""
    with tempfile.TemporaryDirectory(prefix="photon-pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)  # The server runs as a user of its own.
        server = PrivatePostgres(Path(folder) / "server")
        server.create()
        server.start()
        try:
            uvloop.run(run(server.url(), rows))
        finally:
            server.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, action="append")
    parser.add_argument("--directory", type=Path, default=Path(".bench/store"))
    parser.add_argument("--postgres", action="store_true", help="on a private server, durable")
    options = parser.parse_args()
    for rows in options.rows or (10_000,):
        if options.postgres:
            on_a_private_server(rows)
            continue
        shutil.rmtree(options.directory, ignore_errors=True)
        options.directory.mkdir(parents=True)
        path = options.directory / "store.db"
        uvloop.run(run(str(path), rows))
        print(f"{'file':32} {path.stat().st_size >> 20:9,} MiB")
        shutil.rmtree(options.directory)


if __name__ == "__main__":
    main()
