"""VM creates, from POST to COMPLETED over HTTP, against simulated hosts."""

from __future__ import annotations

import asyncio
import time

import msgspec
import uvloop

from bench.cloud import BenchCloud, bench_cloud, spent
from bench.http_load import HttpLine
from bench.result import Measured
from bench.tally import Tally, shown

TASK_WAIT_SECONDS = 30
PROBLEM_BYTES_SHOWN = 400


class _Entity(msgspec.Struct):
    id: str


class _Error(msgspec.Struct):
    message: str


class _Step(msgspec.Struct):
    errors: list[_Error] | None = None


class _Task(msgspec.Struct):
    id: str
    state: str
    entity: _Entity
    steps: list[_Step] = []


_decode = msgspec.json.Decoder(_Task).decode


class CreateLoad:
    """`lines` callers, each asking for a VM and waiting for it, until `count` were asked for."""

    def __init__(self, cloud: BenchCloud, count: int, lines: int) -> None:
        self._cloud = cloud
        self._numbers = iter(range(count))
        self._lines = min(lines, count)
        self.tally = Tally(count)
        self.vm_ids: list[str] = []

    async def run(self) -> None:
        async with shown(self.tally):
            await asyncio.gather(*(self._caller() for _ in range(self._lines)))

    async def _caller(self) -> None:
        line = HttpLine(self._cloud.host, self._cloud.port)
        await line.open()
        for number in self._numbers:
            began = time.perf_counter()
            task = await self._created(line, self._cloud.vm_body(f"bench-{number}"))
            if task is not None:
                self.tally.took(time.perf_counter() - began)
                self.vm_ids.append(task.entity.id)
        await line.close()

    async def _created(self, line: HttpLine, body: bytes) -> _Task | None:
        """The task, COMPLETED; None when there is no VM, which the tally then knows of."""
        path = f"/v1/projects/{self._cloud.seeded.project_id}/vms"
        status, answer = await line.ask("POST", path, body)
        if status != 201:
            self.tally.failed(_said(answer))
            return None
        task = _decode(answer)
        while task.state in ("QUEUED", "STARTED"):
            where = f"/v1/tasks/{task.id}?wait={TASK_WAIT_SECONDS}"
            status, answer = await line.ask("GET", where)
            if status != 200:
                self.tally.failed(_said(answer))
                return None
            task = _decode(answer)
        if task.state == "COMPLETED":
            return task
        errors = [error.message for step in task.steps for error in step.errors or ()]
        self.tally.failed("; ".join(errors) or f"a task ended {task.state} and says no reason")
        return None


def _said(answer: bytes) -> str:
    return answer[:PROBLEM_BYTES_SHOWN].decode(errors="replace")


def run(*, hosts: int, vms: int, lines: int) -> tuple[Measured, str]:
    """What was measured, and what the first error said."""
    with bench_cloud(hosts) as cloud:
        load = CreateLoad(cloud, vms, lines)
        cpu, revision, began = cloud.cpu_seconds(), cloud.revision(), time.perf_counter()
        uvloop.run(load.run())
        seconds = time.perf_counter() - began
        used, commits = spent(cpu, cloud.cpu_seconds()), cloud.commits_since(revision)
    tally = load.tally
    measured = Measured("create", tally.latencies_ms, seconds, used, commits, tally.errors)
    return measured, tally.problem
