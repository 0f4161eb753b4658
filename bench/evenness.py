"""How good the tree's choices are, beside a scheduler that sees all hosts at once.

`balance` spreads guests over equal hosts; `pack` fills them until one is refused. Both are given
the same guests in the same order. Time goes by as at 60,000 creates a minute, so that summaries
are as old as they would be; nothing is measured in seconds, and each run ends the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final

import msgspec

from bench.global_view import GlobalView, HostSize
from bench.progress import counted
from photon.domain.demand import Demand, DiskDemand, Placement, Strategy
from photon.domain.guest import (
    Guest,
    GuestState,
    HostCapacity,
    HostDatastore,
    HostMode,
    HostReport,
    Inventory,
)
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.scheduler.tree import Tree

CREATE_SECONDS: Final = 0.001
GIB: Final = 1 << 20  # of a host's datastore: room for disks is not what these are about
# vCPUs and MiB: like flavors. Small ones most often; no two have the same proportions.
SPREAD_SIZES: Final = ((1, 1024), (1, 2048), (1, 2048), (2, 4096), (4, 6144))
SPREAD_HOST: Final = HostSize(64 * 16, 512 * 1024)  # as hosts offer with the plane's overcommit
# Amounts that leave gaps: powers of two would fill every host to the last byte, however placed.
PACK_SIZES: Final = ((1, 1_700), (2, 3_900), (2, 15_000), (4, 9_100), (8, 31_000))
PACK_HOST: Final = HostSize(64, 128 * 1024)


class Compared(msgspec.Struct):
    """`tree` and `all_at_once` are max/mean load (balance: less is better), or the share of all
    memory that is used (pack: more is)."""

    operation: str
    hosts: int
    placed: int
    placed_all_at_once: int
    tree: float
    all_at_once: float
    ratio: float
    seed: int


@dataclass(slots=True)
class _Time:
    """A clock that goes on with each create."""

    seconds: float = 0.0

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


Sizes = Iterator[tuple[int, int]]


def balance(hosts: int, count: int, seed: int) -> Compared:
    """After `count` guests on hosts that are equal, and empty at first."""
    view = GlobalView(hosts, SPREAD_HOST, pack=False)
    placed_there = sum(view.place(*size) for size in islice(_sizes(SPREAD_SIZES, seed), count))
    sizes = counted(islice(_sizes(SPREAD_SIZES, seed), count), count, "guests")
    used, placed = asyncio.run(_filled(hosts, SPREAD_HOST, Strategy.SPREAD, sizes))
    tree, all_at_once = _peak(_loads(used, SPREAD_HOST)), _peak(view.loads())
    return _compared("balance", (placed, placed_there), tree, all_at_once, (hosts, seed))


def pack(hosts: int, seed: int) -> Compared:
    """Until the first refusal of each."""
    view = GlobalView(hosts, PACK_HOST, pack=True)
    placed_there = 0
    for size in _sizes(PACK_SIZES, seed):
        if not view.place(*size):
            break
        placed_there += 1
    sizes = counted(_sizes(PACK_SIZES, seed), placed_there, "guests")
    used, placed = asyncio.run(_filled(hosts, PACK_HOST, Strategy.PACK, sizes))
    share = sum(memory_mib for _, memory_mib in used) / (hosts * PACK_HOST.memory_mib)
    return _compared("pack", (placed, placed_there), share, view.used_share(), (hosts, seed))


def _compared(
    operation: str,
    placed: tuple[int, int],
    tree: float,
    all_at_once: float,
    of: tuple[int, int],
) -> Compared:
    hosts, seed = of
    ratio = tree / all_at_once if all_at_once else 0.0
    return Compared(
        operation, hosts, *placed, round(tree, 4), round(all_at_once, 4), round(ratio, 4), seed
    )


def _sizes(sizes: Sequence[tuple[int, int]], seed: int) -> Sizes:
    """Without end; the same again for the same seed."""
    random = Random(seed)
    while True:
        yield random.choice(sizes)


async def _filled(
    hosts: int, size: HostSize, strategy: Strategy, sizes: Sizes
) -> tuple[list[tuple[int, int]], int]:
    """By host, vCPUs and MiB after all of them or the first refusal, and how many were placed."""
    time = _Time()
    tree = Tree(time, Random(1))
    for number in range(hosts):
        tree.put_host(_view(number))
        tree.report(_inventory(number, size))
    used = [(0, 0)] * hosts
    placed = 0
    for number, (cpus, memory_mib) in enumerate(sizes):
        time.seconds += CREATE_SECONDS
        disk = DiskDemand(f"disk-{number}", 1)
        demand = Demand(f"vm-{number}", cpus, memory_mib, (disk,), strategy=strategy)
        answer = await tree.root.place(demand)
        if not isinstance(answer, Placement):
            break
        at = int(answer.host_id.rpartition("-")[2])
        # As its agent does soon: else its lease would end.
        guest = Guest(demand.id, demand.id, GuestState.STOPPED, cpus, memory_mib, f"ds-{at}")
        tree.report(HostReport(f"host-{at}", number + 2, HostMode.NORMAL, _store(at), (guest,)))
        used[at] = (used[at][0] + cpus, used[at][1] + memory_mib)
        placed += 1
    return used, placed


def _view(number: int) -> HostView:
    return HostView(
        id=f"host-{number}",
        address=f"host-{number}.example",
        agent_endpoint=f"host-{number}.example:8835",
        state=HostState.READY,
        usage_tags=frozenset({UsageTag.CLOUD}),
        zone_id=None,
        cpu_overcommit=1.0,
        memory_overcommit=1.0,
    )


def _inventory(number: int, size: HostSize) -> Inventory:
    capacity = HostCapacity(size.cpus, size.memory_mib, _store(number), (), "bench")
    return Inventory(f"host-{number}", 1, HostMode.NORMAL, capacity)


def _store(number: int) -> tuple[HostDatastore, ...]:
    return (HostDatastore(f"ds-{number}", "local", "LOCAL_VMFS", frozenset(), GIB, GIB),)


def _loads(used: Sequence[tuple[int, int]], size: HostSize) -> list[float]:
    return [max(cpus / size.cpus, mib / size.memory_mib) for cpus, mib in used]


def _peak(loads: Sequence[float]) -> float:
    """The fullest by the mean."""
    return max(loads) / (sum(loads) / len(loads))
