"""How long one placement takes: a whole scheduler tree, in this process.

Run: python -m bench.place [--hosts 300] [--count 20000] [--case plain]
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

import click
import msgspec

from bench.result import percentile
from photon.domain.demand import Demand, DiskDemand, GroupRule, NoPlacement, Placement, Strategy
from photon.domain.guest import Guest, GuestState, HostCapacity, HostDatastore, HostMode, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.outside.clock import RealClock
from photon.scheduler.root import Root
from photon.scheduler.shape import LEAF_HOSTS_MAX
from photon.scheduler.tree import Tree

HOST_CPUS: Final = 64
HOST_MEMORY_MIB: Final = 512 * 1024
HOST_GIB: Final = 10_000
# Like flavors: a few sizes, most of them small.
SIZES: Final = ((1, 1024, 10), (1, 2048, 20), (2, 4096, 40))
WARM_UP_COUNT: Final = 1_000  # past first calls and empty caches
WARM_UPS_A_LEAF: Final = 20  # each leaf makes its table and looks at its facts at its first demand
BATCH_COUNT: Final = 500
PLACED_AT_ONCE: Final = 500  # of the full case: little enough to leave it as full as it was
# Of the full case: of all memory so much is used, and what is left lies on a few hosts.
FULL_SHARE: Final = 0.99
HOSTS_WITH_ROOM_SHARE: Final = 0.2
SCRAPS_MIB: Final = 1_000  # less than the smallest demand takes
HOSTS: Final = (1_000, 10_000, 100_000)  # a few leaves; a root over leaves, also the largest
GC_THRESHOLDS: Final = (50_000, 20, 50)  # as the controller's

Uses = Callable[[Random], float]


def _empty(random: Random) -> float:
    return 0.0


def _nearly_full(random: Random) -> float:
    """The share of a host's memory that is used. Four in five hosts have scraps left, for which no
    demand is small enough; the others have the rest of the one percent, some much and most little.
    """
    if random.random() >= HOSTS_WITH_ROOM_SHARE:
        return 1.0 - random.randrange(SCRAPS_MIB) / HOST_MEMORY_MIB
    scraps = (1.0 - HOSTS_WITH_ROOM_SHARE) * SCRAPS_MIB / 2 / HOST_MEMORY_MIB
    mean_left = (1.0 - FULL_SHARE - scraps) / HOSTS_WITH_ROOM_SHARE
    return max(0.0, 1.0 - random.expovariate(1.0 / mean_left))


def _inventory(host_id: str, used_share: float) -> Inventory:
    datastore = HostDatastore(
        f"local-{host_id}", "local", "LOCAL_VMFS", frozenset(), HOST_GIB, HOST_GIB
    )
    capacity = HostCapacity(HOST_CPUS, HOST_MEMORY_MIB, (datastore,), ("vm-network",), "bench")
    used_mib = int(HOST_MEMORY_MIB * used_share)
    guests = (
        (Guest(f"big-{host_id}", "big", GuestState.STARTED, 1, used_mib, datastore.id),)
        if used_mib
        else ()
    )
    return Inventory(host_id, 1, HostMode.NORMAL, capacity, guests)


def _tree(hosts: int, uses: Uses, random: Random) -> Tree:
    tree = Tree(RealClock(), random)
    for number in range(hosts):
        host_id = f"host-{number:06d}"
        tree.put_host(
            HostView(
                id=host_id,
                address=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}",
                agent_endpoint=f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}:8835",
                state=HostState.READY,
                usage_tags=frozenset({UsageTag.CLOUD}),
                zone_id=f"zone-{number % 3}",
            )
        )
        tree.report(_inventory(host_id, uses(random)))
    return tree


def _plain(random: Random, number: int) -> Demand:
    cpus, memory_mib, gib = random.choice(SIZES)
    disk = DiskDemand(f"disk-{number}", gib)
    return Demand(f"vm-{number}", cpus, memory_mib, (disk,), networks=("vm-network",))


def _zoned(random: Random, number: int) -> Demand:
    cpus, memory_mib, gib = random.choice(SIZES)
    return Demand(
        f"vm-{number}",
        cpus,
        memory_mib,
        (DiskDemand(f"boot-{number}", gib), DiskDemand(f"extra-{number}", 1)),
        networks=("vm-network",),
        zone_id=f"zone-{random.randrange(3)}",
        image_checksum="c" * 64,
    )


def _apart(random: Random, number: int) -> Demand:
    """Of groups of five, no two on one host."""
    group = f"group-{number // 5}"
    return msgspec.structs.replace(
        _plain(random, number), groups=frozenset({group}), rules=(GroupRule(group),)
    )


def _packed(random: Random, number: int) -> Demand:
    return msgspec.structs.replace(_plain(random, number), strategy=Strategy.PACK)


def _refused(random: Random, number: int) -> Demand:
    return Demand(f"vm-{number}", 1, HOST_MEMORY_MIB + 1, (DiskDemand(f"disk-{number}", 1),))


CASES: Final[dict[str, tuple[Callable[[Random, int], Demand], Uses]]] = {
    "plain": (_plain, _empty),
    "zoned": (_zoned, _empty),  # two disks, a zone, an image
    "apart": (_apart, _empty),
    "packed": (_packed, _empty),
    # Of all memory 99 % is used, and stays so: for each that is placed, one that was placed before
    # is given back, and the time includes both.
    "full": (_plain, _nearly_full),
    "refused": (_refused, _empty),
}


@dataclass(frozen=True, slots=True)
class Placed:
    """`cpu_us_each` is the median over batches, since the machine has other work; `cpu_seconds` is
    all of it. `latencies_ms` are those of the demands that were placed. `balance` is the memory
    placed on the fullest host, by the mean over all hosts; 0 when nothing was."""

    placed: int
    latencies_ms: list[float]
    seconds: float
    cpu_seconds: float
    cpu_us_each: float
    balance: float


@dataclass(slots=True)
class _Clocks:
    """What has been measured of all batches so far."""

    latencies_ms: list[float] = field(default_factory=list)
    used_mib: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    batch_us: list[float] = field(default_factory=list)
    placed: list[Placement] = field(default_factory=list)  # and not given back


async def _measure(hosts: int, count: int, case: str, seed: int) -> Placed:
    make, uses = CASES[case]
    random = Random(seed)
    root = _tree(hosts, uses, random).root
    warm_up = max(WARM_UP_COUNT, hosts // LEAF_HOSTS_MAX * WARM_UPS_A_LEAF)
    for number in range(warm_up):
        answer = await root.place(make(random, number))
        if isinstance(answer, Placement):
            await root.release(answer.demand_id, answer.host_id)
    demands = [make(random, number) for number in range(warm_up, warm_up + count)]
    clocks = _Clocks()
    gc.collect()
    gc.freeze()  # as the controller does when it has started
    for at in range(0, count, BATCH_COUNT):
        batch = demands[at : at + BATCH_COUNT]
        if case == "full":
            await _measure_turnover(root, batch, clocks, random)
        else:
            await _measure_batch(root, batch, clocks)
    gc.unfreeze()
    used_mib = clocks.used_mib
    mean_mib = sum(used_mib.values()) / hosts
    return Placed(
        placed=len(clocks.latencies_ms),
        latencies_ms=clocks.latencies_ms,
        seconds=clocks.seconds,
        cpu_seconds=clocks.cpu_seconds,
        cpu_us_each=statistics.median(clocks.batch_us),
        balance=max(used_mib.values(), default=0) / mean_mib if mean_mib else 0.0,
    )


async def _measure_batch(root: Root, batch: list[Demand], clocks: _Clocks) -> None:
    answers, started = [], time.process_time()
    began = before = time.perf_counter()
    for demand in batch:
        answer = await root.place(demand)
        after = time.perf_counter()
        answers.append((answer, after - before))
        before = after
    _count(batch, answers, clocks, before - began, time.process_time() - started)


async def _measure_turnover(
    root: Root, batch: list[Demand], clocks: _Clocks, random: Random
) -> None:
    """Each is placed, and one of those that were placed before it is given back."""
    placed, answers, started = clocks.placed, [], time.process_time()
    began = before = time.perf_counter()
    for demand in batch:
        answer = await root.place(demand)
        if isinstance(answer, Placement):
            placed.append(answer)
            if len(placed) > PLACED_AT_ONCE:
                at = int(random.random() * len(placed))
                placed[at], placed[-1] = placed[-1], placed[at]
                gone = placed.pop()
                await root.release(gone.demand_id, gone.host_id)
        after = time.perf_counter()
        answers.append((answer, after - before))
        before = after
    _count(batch, answers, clocks, before - began, time.process_time() - started)


def _count(
    batch: list[Demand],
    answers: list[tuple[Placement | NoPlacement, float]],
    clocks: _Clocks,
    seconds: float,
    cpu_seconds: float,
) -> None:
    clocks.seconds += seconds
    clocks.cpu_seconds += cpu_seconds
    clocks.batch_us.append(cpu_seconds / len(batch) * 1e6)
    for demand, (answer, took) in zip(batch, answers, strict=True):
        if isinstance(answer, Placement):
            clocks.latencies_ms.append(took * 1000)
            used = clocks.used_mib.get(answer.host_id, 0)
            clocks.used_mib[answer.host_id] = used + demand.memory_mib


def run(hosts: int, count: int, case: str = "plain", seed: int = 1) -> Placed:
    """Places `count` demands, and keeps them held but in the case "full"."""
    gc.set_threshold(*GC_THRESHOLDS)
    return asyncio.run(_measure(hosts, count, case, seed))


@click.command()
@click.option("--hosts", type=int, multiple=True, default=HOSTS, show_default=True)
@click.option("--count", type=int, default=20_000, show_default=True)
@click.option("--case", "cases", type=click.Choice(list(CASES)), multiple=True, default=CASES)
def main(hosts: tuple[int, ...], count: int, cases: tuple[str, ...]) -> None:
    print(f"{'case':8} {'hosts':>7} {'placed':>7} {'us each':>8} {'p99 us':>8} {'max/mean':>9}")
    for case in cases:
        for number in hosts:
            row = run(number, count, case)
            p99_us = percentile(sorted(row.latencies_ms), 0.99) * 1000
            print(
                f"{case:8} {number:7} {row.placed:7} {row.cpu_us_each:8.1f} {p99_us:8.1f} "
                f"{row.balance:9.3f}"
            )


if __name__ == "__main__":
    main()
