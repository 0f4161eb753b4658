"""The workload asks every route of the API: a new route joins, or says here why not."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Collection, Mapping
from typing import Final

from photon.agent.drivers.simulated_site import HostShape
from photon.api.routes import ROUTES
from photon.simulation.run import SETTLE_SECONDS
from photon.simulation.ways import SimulatedWay, site_of
from photon.simulation.world import Size, World, play
from photon.workload.site import Load
from photon.workload.way import Answer, Way
from photon.workload.workload import Workload

SEED: Final = 1
NETWORKS: Final = ("One Network", "Other Network")
STEPS: Final = 200
TURNS_MAX: Final = 20  # Of so many steps: until all is asked.

# All operations come equally often, but for those of many routes, and those that empty hosts.
OFTEN: Final[Mapping[str, int]] = {
    "list tasks": 10,
    "ask system": 5,
    "get ticket": 3,
    "delete VM": 6,
    "provision host": 3,
    "suspend host": 4,
    "resume host": 3,
    "enter maintenance": 8,
    "exit maintenance": 8,
}

# Routes that no operation asks, each with the reason.
EXEMPT: Final[Mapping[str, str]] = {}


class RecordingWay:
    """Keeps what was asked for, without its query."""

    def __init__(self, way: Way, asked: dict[tuple[str, str], None]) -> None:
        self._way = way
        self._asked = asked

    async def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = 30.0,
    ) -> Answer:
        answer = await self._way.request(method, path, body, headers, seconds=seconds)
        if answer.status < 300 or "system/set-security-groups" in path:
            self._asked[method, path.partition("?")[0]] = None
        return answer

    def watch(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        return self._way.watch(path, headers)


def _silent(asked: Collection[tuple[str, str]]) -> set[str]:
    """Routes that nobody asked for, or to nobody's satisfaction."""
    silent = set()
    for route in ROUTES:
        pattern = re.compile(re.sub(r"\{\w+\}", "[^/]+", route.path))
        if not any(route.method == method and pattern.fullmatch(path) for method, path in asked):
            silent.add(f"{route.method} {route.path}")
    return silent


async def _played(world: World) -> set[str]:
    asked: dict[tuple[str, str], None] = {}
    await world.start()
    await asyncio.sleep(SETTLE_SECONDS)
    load = Workload(
        [RecordingWay(SimulatedWay(world, number), asked) for number in range(2)],
        site_of(world),
        lambda name: world.chance.stream(f"workload/{name}"),
        world.clock,
        Load(),
    )
    load.menu = {name: (OFTEN.get(name, 1), made) for name, (_, made) in load.menu.items()}
    await load.prepare()
    for _ in range(TURNS_MAX):
        await load.run(STEPS)
        if _silent(asked) <= EXEMPT.keys():
            break

    return _silent(asked)


def test_every_route_is_asked_and_answered_or_is_exempt_for_a_reason() -> None:
    size = Size(controllers=2, hosts=8, hosts_per_agent=2, shape=HostShape(networks=NETWORKS))
    silent = play(SEED, size, _played)
    assert silent == set(EXEMPT), "each of these is to be in the workload's menu, or not in EXEMPT"
