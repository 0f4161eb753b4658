"""What a cloud costs in which nothing happens: heartbeats, long polls, leases, audits.

A calm simulation (ADR 0037): controllers, agents and their network in this process, so the CPU time
is that of all of them together. Turns of the event loop say the same on a busy machine.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import msgspec
from rich.console import Console
from rich.table import Table

from bench.result import TABLE_WIDTH
from photon.simulation.ways import SimulatedWay, site_of
from photon.simulation.world import Size, World, play
from photon.workload.workload import Workload

SETTLE_SECONDS: Final = 60.0  # Until images are copied, and hosts in their leaves.
SEED: Final = 1
LEAF_HOSTS: Final = 64


class Idle(msgspec.Struct):
    """All are of one simulated second; CPU in milliseconds."""

    hosts: int
    agents: int
    controllers: int
    seconds: int
    cpu_ms: float
    turns: float
    messages: float


def run(*, hosts: int, agents: int, controllers: int, seconds: int) -> Idle:
    """`messages` are those between controllers and agents, and among controllers."""
    each = -(-hosts // agents)
    size = Size(controllers, hosts, each, leaf_hosts=LEAF_HOSTS, ensemble=True)

    async def scene(world: World) -> Idle:
        await world.start()
        ways = [SimulatedWay(world, number) for number in range(controllers)]
        load = Workload(ways, site_of(world), world.chance.stream, world.clock)
        await load.prepare()
        await asyncio.sleep(SETTLE_SECONDS)
        turns, lines, began = world.loop.turns, world.trace.lines, time.process_time()
        await asyncio.sleep(seconds)
        used = time.process_time() - began
        return Idle(
            hosts,
            len(world.agents),
            controllers,
            seconds,
            used * 1000 / seconds,
            (world.loop.turns - turns) / seconds,
            (world.trace.lines - lines) / seconds,
        )

    return play(SEED, size, scene)


def show_idle(found: Idle, *, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(found).decode())
        return
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, value in {
        "hosts": f"{found.hosts:,}",
        "agents": f"{found.agents:,}",
        "controllers": f"{found.controllers:,}",
        "CPU, ms a second": f"{found.cpu_ms:.2f}",
        "turns of the loop a second": f"{found.turns:,.0f}",
        "messages a second": f"{found.messages:,.1f}",
    }.items():
        table.add_row(name, value)
    Console(width=TABLE_WIDTH).print(table)
