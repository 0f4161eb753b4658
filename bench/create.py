"""VM creates, from POST to COMPLETED over HTTP, against simulated hosts."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import msgspec
import uvloop

from bench.cloud import BenchCloud, bench_cloud, spent
from bench.http_load import HttpLine
from bench.result import Measured, Result, histogram, result

PROGRESS_SECONDS = 1.0
TASK_WAIT_SECONDS = 30


class _Entity(msgspec.Struct):
    id: str


class _Task(msgspec.Struct):
    id: str
    state: str
    entity: _Entity


_decode = msgspec.json.Decoder(_Task).decode


class CreateLoad:
    """`lines` callers, each asking for a VM and waiting for it, until `count` were asked for."""

    def __init__(self, cloud: BenchCloud, count: int, lines: int) -> None:
        self._cloud = cloud
        self._left = count
        self._count = count
        self._lines = lines
        self.latencies_ms: list[float] = []
        self.errors = 0
        self.vm_ids: list[str] = []

    async def run(self) -> None:
        shown = asyncio.create_task(self._show())
        try:
            await asyncio.gather(*(self._caller() for _ in range(self._lines)))
        finally:
            shown.cancel()
            print(file=sys.stderr)

    async def _caller(self) -> None:
        line = HttpLine(self._cloud.host, self._cloud.port)
        await line.open()
        path = f"/v1/projects/{self._cloud.seeded.project_id}/vms"
        while self._left > 0:
            self._left -= 1
            body = self._cloud.vm_body(f"bench-{self._left}")
            began = time.perf_counter()
            status, answer = await line.ask("POST", path, body)
            if status != 201:
                self.errors += 1
                continue
            task = _decode(answer)
            while task.state in ("QUEUED", "STARTED"):
                where = f"/v1/tasks/{task.id}?wait={TASK_WAIT_SECONDS}"
                _, answer = await line.ask("GET", where)
                task = _decode(answer)
            if task.state == "COMPLETED":
                self.latencies_ms.append((time.perf_counter() - began) * 1000)
                self.vm_ids.append(task.entity.id)
            else:
                self.errors += 1
        await line.close()

    async def _show(self) -> None:
        last = 0
        while True:
            await asyncio.sleep(PROGRESS_SECONDS)
            done = len(self.latencies_ms)
            recent = sorted(self.latencies_ms[last:]) or [0.0]
            p50, p99 = recent[len(recent) // 2], recent[-1 - len(recent) // 100]
            print(
                f"\r  {done:,}/{self._count:,}  {(done - last) / PROGRESS_SECONDS * 60:,.0f}/min"
                f"  p50 {p50:.0f} ms  p99 {p99:.0f} ms  errors {self.errors}   ",
                end="",
                file=sys.stderr,
                flush=True,
            )
            last = done


def run(directory: Path, *, hosts: int, vms: int, lines: int) -> tuple[Result, str]:
    """The figures, and a histogram of the latencies."""
    with bench_cloud(directory, hosts) as cloud:
        load = CreateLoad(cloud, vms, lines)
        cpu, commits, began = cloud.cpu_seconds(), cloud.commits(), time.perf_counter()
        uvloop.run(load.run())
        seconds = time.perf_counter() - began
        used, made = spent(cpu, cloud.cpu_seconds()), cloud.commits() - commits
    run = Measured("create", load.latencies_ms, seconds, used, commits=made, errors=load.errors)
    return result(run), histogram(load.latencies_ms)
