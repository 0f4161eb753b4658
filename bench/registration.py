"""Hosts made known and taken into use through the API, several at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import msgspec

from bench.tally import Tally, shown
from bench.task_line import TaskFailed, TaskLine
from photon.devbox.seed import HostSeed
from photon.domain.host import AGENT_ENDPOINT_KEY, UsageTag

HOSTS_PATH = "/v1/infrastructure/hosts"
LINES = 64  # As an operator's script might have; the controller runs 512 tasks at a time.


class RegistrationLoad:
    """`lines` callers; each adds a host, provisions it, and goes on to the next. `tally` has an
    entry a host: from its POST until it takes VMs."""

    def __init__(self, at: tuple[str, int], seeds: Sequence[HostSeed], lines: int = LINES) -> None:
        self._at = at
        self._seeds = iter(seeds)
        self._lines = min(lines, len(seeds))
        self.tally = Tally(len(seeds))

    async def run(self) -> None:
        async with shown(self.tally, "hosts"):
            await asyncio.gather(*(self._caller() for _ in range(self._lines)))

    async def _caller(self) -> None:
        line = TaskLine(*self._at)
        await line.open()
        for seed in self._seeds:
            began = time.perf_counter()
            try:
                added = await line.done("POST", HOSTS_PATH, _body(seed))
                await line.done("POST", f"{HOSTS_PATH}/{added.entity.id}/provision")
            except TaskFailed as problem:
                self.tally.failed(str(problem))
            else:
                self.tally.took(time.perf_counter() - began)
        await line.close()


def _body(seed: HostSeed) -> bytes:
    return msgspec.json.encode(
        {
            "address": seed.address,
            "username": "photon",
            "password": "photon",
            "usageTags": [UsageTag.CLOUD],
            "metadata": {AGENT_ENDPOINT_KEY: seed.agent_endpoint},
        }
    )
