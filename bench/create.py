"""VM creates, from POST to COMPLETED over HTTP, against simulated hosts."""

from __future__ import annotations

import asyncio
import time

import uvloop

from bench.cloud import BenchCloud, CloudShape, bench_cloud, spent
from bench.result import Measured
from bench.tally import Tally, shown
from bench.task_line import TaskFailed, TaskLine

WARMING_VMS = 200  # Leaves are on their way to the other controllers when the cloud has started.


class CreateLoad:
    """`lines` callers, each asking for a VM and waiting for it, until `count` were asked for."""

    def __init__(self, cloud: BenchCloud, count: int, lines: int, prefix: str = "bench") -> None:
        self._cloud = cloud
        self._prefix = prefix  # of the VMs' names
        self._numbers = iter(range(count))
        self._lines = min(lines, count)
        self._turn = 0
        self.tally = Tally(count)
        self.vm_ids: list[str] = []

    async def run(self) -> None:
        async with shown(self.tally):
            await asyncio.gather(*(self._caller() for _ in range(self._lines)))

    async def _caller(self) -> None:
        self._turn += 1  # Each controller has as many callers as the next.
        line = TaskLine(*self._cloud.ats[self._turn % len(self._cloud.ats)])
        await line.open()
        path = f"/v1/projects/{self._cloud.seeded.project_id}/vms"
        for number in self._numbers:
            body = self._cloud.vm_body(f"{self._prefix}-{number}")
            began = time.perf_counter()
            try:
                task = await line.done("POST", path, body)
            except TaskFailed as problem:
                self.tally.failed(str(problem))
            else:
                self.tally.took(time.perf_counter() - began)
                self.vm_ids.append(task.entity.id)
        await line.close()


def run(shape: CloudShape, *, vms: int, lines: int) -> tuple[Measured, str]:
    """What was measured, and what the first error said."""
    with bench_cloud(shape) as cloud:
        if len(cloud.ats) > 1:
            uvloop.run(CreateLoad(cloud, WARMING_VMS, lines, "warm").run())
        load = CreateLoad(cloud, vms, lines)
        groups, sets = cloud.commits_of_store(), cloud.write_sets()
        cpu, revision, began = cloud.cpu_seconds(), cloud.revision(), time.perf_counter()
        uvloop.run(load.run())
        seconds = time.perf_counter() - began
        used, commits = spent(cpu, cloud.cpu_seconds()), cloud.commits_since(revision)
        groups, sets = cloud.commits_of_store() - groups, cloud.write_sets() - sets
    tally = load.tally
    measured = Measured(
        "create", tally.latencies_ms, seconds, used, commits, tally.errors, groups, sets
    )
    return measured, tally.problem
