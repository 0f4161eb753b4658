"""Clients at work on a cloud: VMs made one after the other, lists read; when each answer came."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Final

from photon.devbox.seed import BOOT_FLAVOR, VM_FLAVOR, Seeded
from photon.outside.clock import Clock
from photon.sdk.client import AsyncClient, Settings
from photon.sdk.errors import SdkError
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec

MAKERS: Final = 4  # So many VMs are under way when something fails.
READERS: Final = 2
PAUSE_SECONDS: Final = 0.1  # Of each client between two calls: it is faults that are measured.
TASK_SECONDS_MAX: Final = 180.0  # Longer than the longest failover.
DELETED_AT_ONCE: Final = 8


@dataclass(slots=True)
class Record:
    """When calls of one kind succeeded, by the clock, and why others failed."""

    done: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def pause_seconds(self, since: float) -> float:
        """The longest time without a success that ended after `since`."""
        gaps = [after - before for before, after in pairwise(self.done) if after > since]
        return max(gaps, default=0.0)


class Load:
    """Runs from `start` to `stop`. VMs that were acknowledged are in `made`."""

    def __init__(self, url: str, ca_file: str, seeded: Seeded, clock: Clock) -> None:
        self._seeded = seeded
        self._clock = clock
        self._client = AsyncClient(url, Settings(ca_file=ca_file))
        # Who tries nothing again sees each failure.
        self._plain = AsyncClient(url, Settings(ca_file=ca_file, retries_max=0))
        self._running: list[asyncio.Task[None]] = []
        self._stopping = False
        self._numbers = count(1)
        self.made: set[str] = set()
        self.writes, self.reads = Record(), Record()

    def start(self, prefix: str) -> None:
        loops = [self._keep(self.writes, lambda: self._make(prefix)) for _ in range(MAKERS)]
        loops += [self._keep(self.reads, self._read) for _ in range(READERS)]
        self._running = [asyncio.create_task(loop) for loop in loops]

    async def stop(self) -> None:
        """What is under way is awaited."""
        self._stopping = True
        await asyncio.gather(*self._running)

    async def missing(self) -> set[str]:
        """VMs that were acknowledged, and are not there."""
        listed = self._client.vms.list(self._seeded.project_id)
        return self.made - {vm.id async for vm in listed}

    async def clear(self) -> None:
        room = asyncio.Semaphore(DELETED_AT_ONCE)

        async def delete(vm_id: str) -> None:
            async with room:
                task = await self._client.vms.delete(vm_id)
                await self._client.tasks.wait(task.id, TASK_SECONDS_MAX)

        await asyncio.gather(*(delete(vm_id) for vm_id in self.made))

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._client.aclose()
        await self._plain.aclose()

    async def _keep(self, record: Record, call: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping:
            try:
                await call()
            except SdkError as problem:
                record.failed.append(f"{type(problem).__name__}: {problem}")
            else:
                record.done.append(self._clock.monotonic())
            await self._clock.sleep(PAUSE_SECONDS)

    async def _make(self, prefix: str) -> None:
        boot = AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
        name = f"{prefix}-{next(self._numbers)}"
        spec = VmCreateSpec(name, VM_FLAVOR, self._seeded.image_id, [boot])
        task = await self._client.vms.create(self._seeded.project_id, spec)
        ended = await self._client.tasks.wait(task.id, TASK_SECONDS_MAX)
        self.made.add(ended.entity.id)

    async def _read(self) -> None:
        async for _ in self._plain.tenants.list():
            return
