"""Scheduler nodes behind a real socket, quick enough for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count

from photon.domain.demand import Reason, ReasonCount
from photon.outside.clock import RealClock
from photon.rpc.network import Network, TcpNetwork
from photon.scheduler.door import Door
from photon.scheduler.leaf import Leaf
from photon.scheduler.pace import Pace
from photon.scheduler.protocol import ChildNode
from photon.scheduler.remote import RemoteDoor, RemoteNode
from tests.scheduler.cloud import TurnedClock, a_leaf, an_inventory

SECONDS = 20.0  # No wait here takes that long; a test that needs it all has failed.
QUICK = Pace(call_seconds=SECONDS, poll_wait_ms=500, poll_pause_seconds=0.01)
# Calls that are lost are given up soon; those that are served take milliseconds.
HASTY = Pace(call_seconds=0.3, poll_wait_ms=100, poll_pause_seconds=0.01)
HOST_MIB = 8192
_starts = count(1)


class SteppedClock(TurnedClock):
    """What time it is, a test says; pauses take a moment, so that others come to their turn."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.005))


def a_door(*nodes: ChildNode) -> Door:
    """With nodes `node-0` and so on; a process of its own, as far as others can tell."""
    door = Door(RealClock(), f"boot-{next(_starts)}", summary_seconds=0.01)
    for number, node in enumerate(nodes):
        door.admit(f"node-{number}", node)
    return door


@asynccontextmanager
async def an_open_door(*nodes: ChildNode) -> AsyncIterator[str]:
    door = a_door(*nodes)
    endpoint = await door.open(TcpNetwork(), "127.0.0.1:0")
    try:
        yield endpoint
    finally:
        await door.close()


@asynccontextmanager
async def a_remote_door(
    endpoint: str, network: Network | None = None, pace: Pace = QUICK
) -> AsyncIterator[RemoteDoor]:
    caller_id = f"caller-{next(_starts)}"
    remote = RemoteDoor(network or TcpNetwork(), endpoint, RealClock(), caller_id, pace)
    remote.start()
    try:
        yield remote
    finally:
        await remote.close()


@asynccontextmanager
async def as_remote(node: ChildNode) -> AsyncIterator[RemoteNode]:
    """The node as another process sees it, ready for calls."""
    async with an_open_door(node) as endpoint, a_remote_door(endpoint) as door:
        remote = door.node("node-0", node.owns)
        await until(lambda: not remote.summary().hosts_silent)
        yield remote


async def until(holds: Callable[[], bool]) -> None:
    """For what other tasks bring about."""
    async with asyncio.timeout(SECONDS):
        while True:
            if holds():
                return
            await asyncio.sleep(0.002)


def leaf_of(*host_ids: str) -> Leaf:
    return a_leaf(*(an_inventory(host_id, memory_mib=HOST_MIB) for host_id in host_ids))


def node_of(door: RemoteDoor, leaf: Leaf, hosts: int = 1) -> RemoteNode:
    return door.node("node-0", leaf.owns, hosts)


def all_silent(hosts: int) -> tuple[ReasonCount, ...]:
    return (ReasonCount(Reason.NODE_SILENT, hosts),)


async def heard(node: RemoteNode) -> None:
    await until(lambda: not node.summary().hosts_silent)


async def silent(node: RemoteNode) -> None:
    await until(lambda: node.summary().hosts_silent > 0)
