"""How much CPU a placement takes whose leaves are in another process, beside the same in this one.

Each placement is held, confirmed and kept, as a create does. Run: python -m bench.remote
[--hosts 1000] [--count 10000] [--in-flight 64]
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final

import click
import uvloop

from bench.place import CASES
from bench.processes import BenchProcess
from bench.remote_leaves import leaves
from photon.domain.demand import Demand, Placement
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.rpc.network import TcpNetwork
from photon.scheduler.protocol import ChildNode
from photon.scheduler.remote import RemoteDoor
from photon.scheduler.root import Root

WARM_UP_COUNT: Final = 1_000  # past first calls and empty caches
LOOK_SECONDS: Final = 0.01


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU microseconds a placement: of the process with the root, and of the one with the leaves.
    `refused`: demands that found no host, which there should not be."""

    root_us: float
    leaves_us: float
    a_second: float
    refused: int


async def _measure(
    children: Sequence[ChildNode], count: int, in_flight: int, leaves: BenchProcess | None
) -> Cost:
    random = Random(1)
    root = Root(children, random, RealClock())
    make = CASES["plain"][0]
    refused = 0

    async def place(demands: Sequence[Demand]) -> None:
        waiting = iter(demands)

        async def worker() -> None:
            nonlocal refused
            for demand in waiting:
                placement = await root.place(demand)
                if not isinstance(placement, Placement):
                    refused += 1
                    continue
                await root.hold(demand, placement)
                await root.confirm(demand, placement)

        async with asyncio.TaskGroup() as group:
            for _ in range(in_flight):
                group.create_task(worker())

    demands = [make(random, number) for number in range(WARM_UP_COUNT + count)]
    await place(demands[:WARM_UP_COUNT])
    began, cpu = time.perf_counter(), time.process_time()
    cpu_there = leaves.cpu_seconds() if leaves else 0.0
    await place(demands[WARM_UP_COUNT:])
    return Cost(
        (time.process_time() - cpu) / count * 1e6,
        ((leaves.cpu_seconds() if leaves else 0.0) - cpu_there) / count * 1e6,
        count / (time.perf_counter() - began),
        refused,
    )


async def local(hosts: int, count: int, in_flight: int) -> Cost:
    return await _measure([leaf for _, leaf, _ in leaves(hosts)], count, in_flight, None)


async def remote(hosts: int, count: int, in_flight: int) -> Cost:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        process = BenchProcess("bench.remote_leaves", folder / "leaves.log", "--hosts", str(hosts))
        stack.callback(process.stop)
        process.wait_ready()
        clock = RealClock()
        caller_id = TimeOrderedIds(clock).new()
        door = RemoteDoor(TcpNetwork(), process.ready["listen"], clock, caller_id)
        door.start()
        stack.push_async_callback(door.close)
        nodes = [
            door.node(node_id, frozenset(ids).__contains__, len(ids))
            for node_id, ids in process.ready["nodes"].items()
        ]
        while any(node.summary().hosts_silent for node in nodes):
            await clock.sleep(LOOK_SECONDS)
        return await _measure(nodes, count, in_flight, process)


async def _run(hosts: int, count: int, in_flight: Sequence[int]) -> None:
    head = ("leaves", "in flight", "root us", "leaves us", "both us", "a second", "refused")
    click.echo("".join(f"{each:>11}" for each in head))
    for width in in_flight:
        for name, measure in (("here", local), ("elsewhere", remote)):
            cost = await measure(hosts, count, width)
            click.echo(
                f"{name:>11}{width:>11}{cost.root_us:>11.1f}{cost.leaves_us:>11.1f}"
                f"{cost.root_us + cost.leaves_us:>11.1f}{cost.a_second:>11.0f}{cost.refused:>11}"
            )


@click.command(help=__doc__)
@click.option("--hosts", default=1_000, show_default=True)
@click.option("--count", default=10_000, show_default=True)
@click.option("--in-flight", type=int, multiple=True, default=(1, 16, 128), show_default=True)
def main(hosts: int, count: int, in_flight: tuple[int, ...]) -> None:
    gc.set_threshold(50_000, 20, 50)  # as the controller does
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(hosts, count, in_flight))


if __name__ == "__main__":
    main()
