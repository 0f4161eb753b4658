"""Leaves of empty hosts behind one door, as another controller has them: `bench.remote` starts it.

Says one line of JSON when it serves: {"listen": "host:port", "nodes": {node id: host ids}}.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Iterator
from typing import Final

import click
import msgspec
import uvloop

from photon.domain.guest import HostCapacity, HostDatastore, HostMode, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.rpc.network import TcpNetwork
from photon.scheduler.door import Door
from photon.scheduler.leaf import Leaf
from photon.scheduler.shape import LEAF_HOSTS_MAX

HOST_CPUS: Final = 64
HOST_MEMORY_MIB: Final = 512 * 1024
HOST_GIB: Final = 10_000


def leaves(hosts: int) -> Iterator[tuple[str, Leaf, list[str]]]:
    """Full ones, and the last one with the rest."""
    clock = RealClock()
    for start in range(0, hosts, LEAF_HOSTS_MAX):
        leaf = Leaf(clock)
        ids = [f"host-{number:06d}" for number in range(start, min(start + LEAF_HOSTS_MAX, hosts))]
        for host_id in ids:
            cloud = frozenset({UsageTag.CLOUD})
            leaf.put_host(
                HostView(host_id, f"{host_id}.example", "agent:8835", HostState.READY, cloud)
            )
            store = HostDatastore(
                f"local-{host_id}", "local", "LOCAL_VMFS", frozenset(), HOST_GIB, HOST_GIB
            )
            capacity = HostCapacity(HOST_CPUS, HOST_MEMORY_MIB, (store,), ("vm-network",), "bench")
            leaf.report(Inventory(host_id, 1, HostMode.NORMAL, capacity))
        yield f"leaf-{start // LEAF_HOSTS_MAX}", leaf, ids


async def _serve(hosts: int) -> None:
    clock = RealClock()
    door = Door(clock, TimeOrderedIds(clock).new())
    nodes = {}
    for node_id, leaf, ids in leaves(hosts):
        door.admit(node_id, leaf)
        nodes[node_id] = ids
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    endpoint = await door.open(TcpNetwork(), "127.0.0.1:0")
    sys.stdout.buffer.write(msgspec.json.encode({"listen": endpoint, "nodes": nodes}) + b"\n")
    sys.stdout.flush()
    await ended.wait()
    await door.close()


@click.command()
@click.option("--hosts", type=int, required=True)
def main(hosts: int) -> None:
    gc.set_threshold(50_000, 20, 50)  # as the controller does
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(hosts))


if __name__ == "__main__":
    main()
