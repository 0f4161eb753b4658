"""GET of one VM, and pages of 100 VMs, from a cloud that has some."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import msgspec
import uvloop

from bench.cloud import BenchCloud, CloudShape, bench_cloud, spent
from bench.create import CreateLoad
from bench.failure import BenchFailed
from bench.http_load import HttpLine
from bench.result import Measured
from bench.tally import Tally, shown

PAGE_SIZE = 100
VMS_A_HOST = 100

Reading = Callable[[BenchCloud, Sequence[str], Tally], Coroutine[Any, Any, None]]


class _Page(msgspec.Struct, rename="camel"):
    next_page_link: str | None


_decode_page = msgspec.json.Decoder(_Page).decode


def gets(lines: int) -> Reading:
    """One VM after the other by its id, over `lines` connections at a time."""

    async def read(cloud: BenchCloud, vm_ids: Sequence[str], tally: Tally) -> None:
        numbers = iter(range(tally.count))

        async def caller() -> None:
            line = HttpLine(*cloud.at)
            await line.open()
            for number in numbers:
                await _read(line, f"/v1/vms/{vm_ids[number % len(vm_ids)]}", tally)
            await line.close()

        async with shown(tally):
            await asyncio.gather(*(caller() for _ in range(min(lines, tally.count))))

    return read


async def pages(cloud: BenchCloud, vm_ids: Sequence[str], tally: Tally) -> None:
    """Page after page, from the first to the last and again, on one connection."""
    line = HttpLine(*cloud.at)
    await line.open()
    first = f"/v1/projects/{cloud.seeded.project_id}/vms?pageSize={PAGE_SIZE}"
    where = first
    async with shown(tally):
        for _ in range(tally.count):
            answer = await _read(line, where, tally)
            where = (_decode_page(answer).next_page_link if answer else None) or first
    await line.close()


async def _read(line: HttpLine, path: str, tally: Tally) -> bytes:
    """The answer; nothing when it was an error, which the tally then knows of."""
    began = time.perf_counter()
    status, answer = await line.ask("GET", path)
    if status != 200:
        tally.failed(f"GET {path} was answered {status}")
        return b""
    tally.took(time.perf_counter() - began)
    return answer


def run(operation: str, read: Reading, *, vms: int, count: int) -> tuple[Measured, str]:
    """What was measured, and what the first error said."""
    with bench_cloud(CloudShape(max(1, vms // VMS_A_HOST))) as cloud:
        fill = CreateLoad(cloud, vms, lines=64)
        uvloop.run(fill.run())
        if not fill.vm_ids:
            raise BenchFailed(f"There is no VM to read. {fill.tally.problem}")
        tally = Tally(count)
        cpu, revision, began = cloud.cpu_seconds(), cloud.revision(), time.perf_counter()
        uvloop.run(read(cloud, fill.vm_ids, tally))
        seconds = time.perf_counter() - began
        used, commits = spent(cpu, cloud.cpu_seconds()), cloud.commits_since(revision)
    return (
        Measured(operation, tally.latencies_ms, seconds, used, commits, tally.errors),
        tally.problem,
    )
