"""GET of one VM, and pages of 100 VMs, from a cloud that has some."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import uvloop

from bench.cloud import BenchCloud, bench_cloud, spent
from bench.create import CreateLoad
from bench.http_load import HttpLine
from bench.result import Measured, Result, result

PAGE_SIZE = 100


class _Page(msgspec.Struct, rename="camel"):
    next_page_link: str | None


_decode_page = msgspec.json.Decoder(_Page).decode


async def _gets(cloud: BenchCloud, vm_ids: Sequence[str], count: int, lines: int) -> list[float]:
    latencies: list[float] = []
    left = iter(range(count))

    async def caller() -> None:
        line = HttpLine(cloud.host, cloud.port)
        await line.open()
        for number in left:
            began = time.perf_counter()
            status, _ = await line.ask("GET", f"/v1/vms/{vm_ids[number % len(vm_ids)]}")
            assert status == 200
            latencies.append((time.perf_counter() - began) * 1000)
        await line.close()

    await asyncio.gather(*(caller() for _ in range(lines)))
    return latencies


async def _lists(cloud: BenchCloud, count: int) -> list[float]:
    """Page after page, from the first to the last and again, on one connection."""
    latencies: list[float] = []
    line = HttpLine(cloud.host, cloud.port)
    await line.open()
    first = f"/v1/projects/{cloud.seeded.project_id}/vms?pageSize={PAGE_SIZE}"
    where = first
    while len(latencies) < count:
        began = time.perf_counter()
        status, answer = await line.ask("GET", where)
        assert status == 200
        latencies.append((time.perf_counter() - began) * 1000)
        where = _decode_page(answer).next_page_link or first
    await line.close()
    return latencies


def run(directory: Path, operation: str, *, vms: int, count: int, lines: int) -> Result:
    """`operation` is get or list."""
    with bench_cloud(directory, max(1, vms // 100)) as cloud:
        fill = CreateLoad(cloud, vms, lines)
        uvloop.run(fill.run())
        cpu, began = cloud.cpu_seconds(), time.perf_counter()
        if operation == "get":
            latencies = uvloop.run(_gets(cloud, fill.vm_ids, count, lines))
        else:
            latencies = uvloop.run(_lists(cloud, count))
        seconds = time.perf_counter() - began
        used = spent(cpu, cloud.cpu_seconds())
    return result(Measured(operation, latencies, seconds, used))
