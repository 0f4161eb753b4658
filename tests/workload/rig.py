"""A whole cloud in one process for the workload, and a way to it that loses what it is told to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from random import Random

from photon.workload.site import HostOffer, Site
from photon.workload.way import Answer, Lost
from tests.api.cloud_rig import CREDENTIALS, ENDPOINT, CloudApi

HASTE = 1000  # Clients pause for seconds; here for milliseconds.


class HastyClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000  # noqa: TID251 - a clock for tests that do wait

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / HASTE)


class RigWay:
    """To the API of a rig. `losses`: so many of all answers get lost, half of them before they
    were asked for."""

    def __init__(self, api: CloudApi, random: Random, losses: float = 0.0) -> None:
        self._api = api
        self._random = random
        self.losses = losses

    async def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = 30.0,
    ) -> Answer:
        fate = self._random.random()
        if fate < self.losses / 2:
            raise Lost
        answer = await self._api.client.request(method, path, content=body, headers=dict(headers))
        if fate < self.losses:
            raise Lost
        return Answer(answer.status_code, dict(answer.headers), answer.content)

    def watch(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        raise Lost  # A client of this rig reads whole answers.


def site_of(hosts: int) -> Site:
    offers = tuple(
        HostOffer(f"sim-{number:05}", ENDPOINT, CREDENTIALS.username, CREDENTIALS.password)
        for number in range(1, hosts + 1)
    )
    return Site(offers, hosts_at_start=hosts - 1, guests_die=False)
